"""What the ``docker`` command has to know, and how it gets there: two scripts on PATH and one variable.

Writes them for ``harness exec --local-mode``; reads the variable in the command.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.clients.emulator_process import RunningEmulator, package_parent
from harness.clients.environment import Target, Wiring

VARIABLE = "HARNESS_LOCAL_MODE"
COMMANDS = ("docker", "docker-compose")


@dataclass(frozen=True)
class DockerCliConfig:
    """Where containers run: what the variable says."""

    address: str
    port: int
    control: Path
    """The emulator's control socket, which takes in the listening sockets of containers."""
    folder: Path
    """The emulator's state folder; running containers have folders in it, and none may look into the rest."""
    account: str
    region: str
    install: bool
    """Whether a container may have the environment of its image fetched from the package index."""

    @classmethod
    def told(cls, environment: Mapping[str, str]) -> DockerCliConfig:
        """``KeyError`` outside ``harness exec --local-mode``."""
        facts: dict[str, Any] = json.loads(environment[VARIABLE])
        return cls(**{**facts, "control": Path(facts["control"]), "folder": Path(facts["folder"])})


def with_docker(wiring: Wiring, emulator: RunningEmulator, target: Target, folder: Path, *, install: bool) -> Wiring:
    """``wiring`` and, with it, Docker's commands. ``folder`` gets the scripts."""
    state = emulator.control.parent
    place = {
        "address": emulator.address,
        "port": emulator.port,
        "control": str(emulator.control),
        "folder": str(state),
        "account": target.account,
        "region": target.region,
        "install": install,
    }
    _write_scripts(folder)
    path = os.pathsep.join([str(folder), os.environ.get("PATH", os.defpath)])
    return Wiring({**wiring.set, "PATH": path, VARIABLE: json.dumps(place)}, wiring.unset)


def _write_scripts(folder: Path) -> None:
    """Run by the harness's own interpreter, in isolation: the program's environment is not for them."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in COMMANDS:
        code = (
            f"import sys; sys.path.insert(0, {package_parent()!r}); "
            f"from harness.localmode.docker_cli.command import main; main({name!r}, sys.argv[1:])"
        )
        script = f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -I -c {shlex.quote(code)} "$@"\n'
        fresh = folder / f"{name}.{os.getpid()}"
        fresh.write_text(script)
        fresh.chmod(0o755)
        fresh.replace(folder / name)
