"""Configuration of the ``docker`` command: two scripts on PATH and one environment variable.

``harness exec --local-mode`` writes them, and the command reads the variable.
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
    """The emulator that containers belong to, as the environment variable describes it."""

    address: str
    port: int
    control: Path
    """The emulator's control socket, which accepts the listening sockets of containers."""
    folder: Path
    """The emulator's state folder. Running containers have folders in it and cannot see the rest."""
    account: str
    region: str
    install: bool
    """Whether the environment of an image may be installed from the package index."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> DockerCliConfig:
        """Read the variable; raise ``KeyError`` outside ``harness exec --local-mode``."""
        facts: dict[str, Any] = json.loads(environment[VARIABLE])
        return cls(**{**facts, "control": Path(facts["control"]), "folder": Path(facts["folder"])})


def with_docker(wiring: Wiring, emulator: RunningEmulator, target: Target, folder: Path, *, install: bool) -> Wiring:
    """Return ``wiring`` with Docker's commands on PATH. The scripts are written to ``folder``."""
    state = emulator.control.parent
    config = {
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
    return Wiring({**wiring.set, "PATH": path, VARIABLE: json.dumps(config)}, wiring.unset)


def _write_scripts(folder: Path) -> None:
    """Write the scripts. They run in harness's own interpreter, isolated from the program's environment."""
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
