"""``harness stop``: polite first, firm when that does not help."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.project import json_option, print_json, settings, state_option
from harness.clients import emulator_process


@click.command("stop")
@state_option
@json_option
def command(state: Path | None, as_json: bool) -> None:
    """Stop the emulator of this state folder."""
    folder = settings(state=state).state
    emulator = emulator_process.find(folder)
    if emulator is not None:
        emulator_process.stop(emulator)
    if as_json:
        print_json({"stopped": emulator is not None, "state": str(folder)})
    else:
        click.echo("Stopped." if emulator else f"No emulator runs on {folder}.")
