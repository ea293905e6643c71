"""``harness env``: prints the client environment as shell lines (or JSON), for ``eval``."""

from __future__ import annotations

import os
import shlex
import time
from dataclasses import replace
from pathlib import Path

import click

from harness.cli.project import client_folder, json_option, print_json, running, settings, state_option, target
from harness.clients.emulator_process import LOOK, RunningEmulator
from harness.clients.environment import Wiring, unwiring, wiring
from harness.kernel.errors import StateError

LOCALSTACK_SECONDS = 120.0

_SHELLS = {
    "posix": ("export {name}={value}", "unset {name}"),
    "fish": ("set -gx {name} {value}", "set -e {name}"),
}


@click.command("env")
@state_option
@click.option("--shell", type=click.Choice(sorted(_SHELLS)), help="Whose syntax to print (default: by $SHELL).")
@click.option("--offline", is_flag=True, help="Also refuse every other host to the programs of this shell.")
@click.option("--direct-s3", is_flag=True, help="S3 clients go straight to the LocalStack behind the emulator.")
@click.option("--unset", "undo", is_flag=True, help="Print the lines that take all of it back; needs no emulator.")
@json_option
def command(state: Path | None, shell: str | None, offline: bool, direct_s3: bool, undo: bool, as_json: bool) -> None:
    """Print shell lines that point this shell's AWS clients at the emulator.

    Use it as: eval "$(harness env)", and to undo it: eval "$(harness env --unset)". Variables that were set before get
    no earlier value back; open a new shell for that.
    """
    if undo:
        _print(unwiring(os.environ), shell, as_json)
        return
    try:
        emulator = running(state)
    except StateError:
        if not as_json:
            # `eval` of nothing would succeed, and what follows it would mean the user's real account.
            click.echo("false")
        raise
    in_force = settings(state=state)
    clients = target(emulator)
    changes = wiring(clients, client_folder(in_force, clients), os.environ, offline=offline)
    if direct_s3:
        changes = replace(changes, set={**changes.set, "AWS_ENDPOINT_URL_S3": _backing(emulator)})
    _print(changes, shell, as_json)


def _print(changes: Wiring, shell: str | None, as_json: bool) -> None:
    if as_json:
        print_json({"set": changes.set, "unset": changes.unset})
    else:
        own = "fish" if os.environ.get("SHELL", "").endswith("/fish") else "posix"
        click.echo(_lines(changes, shell or own))


def _backing(emulator: RunningEmulator) -> str:
    """Return the address of the LocalStack behind the emulator, and wait while it starts."""
    if emulator.facts()["aws_backend"] != "localstack":
        raise StateError("--direct-s3 is for an emulator on LocalStack", "start it with --aws-backend localstack")
    deadline = time.monotonic() + LOCALSTACK_SECONDS
    while time.monotonic() < deadline:
        address = emulator.facts()["aws"].get("address")
        if address:
            return str(address)
        time.sleep(LOOK)
    raise StateError("the LocalStack behind the emulator is not there", "see `harness status` and its emulator.log")


def _lines(changes: Wiring, shell: str) -> str:
    export, unset = _SHELLS[shell]
    lines = [unset.format(name=name) for name in changes.unset]
    lines += [export.format(name=name, value=shlex.quote(value)) for name, value in changes.set.items()]
    return "\n".join(lines)
