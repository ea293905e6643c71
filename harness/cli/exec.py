"""``harness exec -- CMD``: start or reuse the emulator, run CMD wired to it and offline, stop only what was started."""

from __future__ import annotations

import os
from pathlib import Path

import click

from harness.cli.project import emulator_for_a_while, settings, state_option, target


@click.command("exec", context_settings={"ignore_unknown_options": True})
@state_option
@click.option("--online", is_flag=True, help="Let CMD reach other hosts than the emulator.")
@click.option("--ephemeral", is_flag=True, help="Keep nothing (when no emulator is running yet).")
@click.argument("cmd", nargs=-1, required=True, type=click.UNPROCESSED)
def command(state: Path | None, online: bool, ephemeral: bool, cmd: tuple[str, ...]) -> int:
    """Run a command wired to the emulator and exit with its code.

    Put the command after --, as in: harness exec -- python mine.py
    """
    from harness.session import enclosure
    from harness.session.environment import wiring

    given = settings(state=state)
    with emulator_for_a_while(given, ephemeral=ephemeral) as emulator:
        changes = wiring(target(emulator, given), given.state / "client", os.environ, offline=not online)
        environment = changes.applied_to(os.environ)
        return enclosure.run_plain(cmd, environment) if online else enclosure.run(cmd, environment, emulator)
