"""``harness env``: the client environment as shell lines (or JSON), for ``eval``."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import click

from harness.cli.project import json_option, print_json, running, settings, state_option, target
from harness.session.environment import Wiring, wiring

_SHELLS = {
    "posix": ("export {name}={value}", "unset {name}"),
    "fish": ("set -gx {name} {value}", "set -e {name}"),
}


@click.command("env")
@state_option
@click.option("--shell", type=click.Choice(sorted(_SHELLS)), help="Whose syntax to print (default: by $SHELL).")
@click.option("--offline", is_flag=True, help="Also refuse every other host to the programs of this shell.")
@json_option
def command(state: Path | None, shell: str | None, offline: bool, as_json: bool) -> None:
    """Print shell lines that point this shell's AWS clients at the emulator.

    Use it as: eval "$(harness env)"
    """
    emulator = running(state)
    given = settings(state=state)
    changes = wiring(target(emulator, given), given.state / "client", os.environ, offline=offline)
    if as_json:
        print_json({"set": changes.set, "unset": changes.unset})
    else:
        click.echo(_lines(changes, shell or ("fish" if os.environ.get("SHELL", "").endswith("/fish") else "posix")))


def _lines(changes: Wiring, shell: str) -> str:
    export, unset = _SHELLS[shell]
    lines = [unset.format(name=name) for name in changes.unset]
    lines += [export.format(name=name, value=shlex.quote(value)) for name, value in changes.set.items()]
    return "\n".join(lines)
