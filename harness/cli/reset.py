"""``harness reset``: forget everything in the state folder, whether the emulator runs or not."""

from __future__ import annotations

import shutil
from pathlib import Path

import click

from harness.cli.project import json_option, print_json, project_root, settings, state_option
from harness.cli.speed import KEPT
from harness.session import emulator_process


@click.command("reset")
@state_option
@json_option
def command(state: Path | None, as_json: bool) -> None:
    """Forget all records, objects and logs."""
    given = settings(state=state)
    emulator = emulator_process.find(given.state)
    if emulator is not None:
        emulator.ask("/_harness/reset", "POST", timeout=60.0)
    elif given.state.exists():
        # Only the emulator knows its own files, so one is started to forget them.
        emulator = emulator_process.start(given.state, emulator_process.Wanted(project=project_root()))
        try:
            emulator.ask("/_harness/reset", "POST", timeout=60.0)
        finally:
            emulator_process.stop(emulator)
    # Nothing is left that a kept scenario could go on from.
    shutil.rmtree(given.state / KEPT, ignore_errors=True)
    if as_json:
        print_json({"reset": True, "state": given.state})
    else:
        click.echo(f"Forgot everything in {given.state}.")
