"""``harness exec -- CMD``: start or reuse the emulator, run CMD wired to it and offline, stop only what was started."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from types import FrameType

import click

from harness.cli.project import client_folder, emulator_options, settings, state_option, target
from harness.clients.emulator_process import StartOptions


@click.command("exec", context_settings={"ignore_unknown_options": True})
@state_option
@click.option("--online", is_flag=True, help="Let CMD reach other hosts than the emulator.")
@click.option("--local-mode", is_flag=True, help="Serve the SDKs' local mode (instance_type='local') without Docker.")
@emulator_options
@click.argument("cmd", nargs=-1, required=True, type=click.UNPROCESSED)
def command(state: Path | None, start: StartOptions, online: bool, local_mode: bool, cmd: tuple[str, ...]) -> int:
    """Run a command wired to the emulator and exit with its code.

    Put the command after --, as in: harness exec -- python mine.py
    """
    from harness.clients import offline_process
    from harness.clients.blocked_hosts import BlockedHosts
    from harness.clients.emulator_lease import shared
    from harness.clients.environment import wiring
    from harness.localmode.docker_cli.config import with_docker

    for number in offline_process.FORWARDED:
        # While the command runs, signals are its own; before and after, they must not leave an emulator behind.
        signal.signal(number, _exit)
    in_force = settings(state=state)
    with shared(in_force.state, start) as emulator:
        clients = target(emulator)
        changes = wiring(clients, client_folder(in_force, clients), os.environ, offline=not online)
        if local_mode:
            folder = in_force.state / "client" / "local-mode"
            changes = with_docker(changes, emulator, clients, folder, install=in_force.install and online)
        environment = changes.applied_to(os.environ)
        if online:
            return offline_process.run_plain(cmd, environment)
        refusals = BlockedHosts(emulator)
        code = offline_process.run(cmd, environment, emulator)
        for line in refusals.lines():
            click.echo(line, err=True)
        return code


def _exit(number: int, frame: FrameType | None) -> None:
    sys.exit(128 + number)
