"""``harness status``: whether the emulator runs, and what it says of itself. Exit code 3 when it does not run."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from harness.cli import PASSED, UNFIT
from harness.cli.project import json_option, print_json, settings, state_option
from harness.session import emulator_process


@click.command("status")
@state_option
@json_option
def command(state: Path | None, as_json: bool) -> int:
    """Show whether the emulator runs, and where."""
    folder = settings(state=state).state
    emulator = emulator_process.find(folder)
    health = emulator.facts() if emulator else None
    if as_json:
        facts = {**asdict(emulator), "health": health} if emulator else {}
        print_json({"running": emulator is not None, "state": folder, **facts})
    elif emulator is None:
        click.echo(f"No emulator runs on {folder}; start one with `harness start`.")
    else:
        for name, value in (health or {}).items():
            shown = "; ".join(f"{part}: {each}" for part, each in value.items()) if isinstance(value, dict) else value
            click.echo(f"{name:<17} {shown}")
    return UNFIT if emulator is None else PASSED
