"""``harness start``: the emulator in the background, healthy when the command returns."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict
from pathlib import Path

import click

from harness.cli.project import emulator_options, json_option, print_json, settings, state_option
from harness.clients import emulator_process
from harness.clients.emulator_lease import persistent
from harness.clients.emulator_process import RunningEmulator, StartOptions
from harness.settings import exposure
from harness.stores.folder import make_private


@click.command("start")
@click.option("--port", type=click.IntRange(0, 65535), help="Port on loopback; 0 picks a free one (default: 4599).")
@state_option
@emulator_options
@click.option("--foreground", is_flag=True, help="Stay in this terminal; Ctrl-C stops it.")
@json_option
def command(state: Path | None, start: StartOptions, foreground: bool, as_json: bool) -> None:
    """Start the emulator in the background."""
    in_force = settings(state=state)
    if foreground and emulator_process.find(in_force.state) is None:
        make_private(in_force.state)
        os.chdir(emulator_process.package_parent())
        os.execv(sys.executable, emulator_process.command(in_force.state, start))
    emulator, fresh = persistent(in_force.state, start)
    if warning := exposure(in_force):
        click.echo(f"harness: warning: {warning}", err=True)
    if as_json:
        print_json({**asdict(emulator), "already_running": not fresh})
    else:
        click.echo(_announcement(emulator, fresh))
        _name_old_state(emulator)


def _name_old_state(emulator: RunningEmulator) -> None:
    from harness.aws.moto.saved_state.old_pickles import describe_old_state

    if old := describe_old_state(emulator.state):
        click.echo(f"harness: {old}", err=True)


def _announcement(emulator: RunningEmulator, fresh: bool) -> str:
    return (
        f"The emulator {'runs' if fresh else 'was already running'} at {emulator.address}"
        f"  (process {emulator.pid}, state {emulator.state})\n\n"
        "Point AWS clients at it:\n"
        '  eval "$(harness env)"             every program in this shell\n'
        "  harness exec -- python mine.py    one program, offline, with waiting cut short\n"
        "Stop it with `harness stop`."
    )
