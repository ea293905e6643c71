"""Unmodified programs as their users start them: by ``harness exec``, or in a shell wired by ``harness env``."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.projects import Project, standing_in

PROGRAMS = Path(__file__).parent / "programs"
WITHIN_A_SECOND = 1.0
"""How long after the end of the work a waiting call may return."""


@dataclass
class Ended:
    """A program that ran to its end; its output and errors as they came, and when each line was there to read."""

    code: int = 0
    lines: list[str] = field(default_factory=list)
    arrived: list[float] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    @property
    def told(self) -> Any:
        """What a program says of itself at its end: a line of JSON."""
        assert self.code == 0, self.text[-6000:]
        return json.loads(next(line for line in reversed(self.lines) if line.startswith("{")))


class Client(Project):
    """A user in a project folder; ``exec`` and ``shell`` are the two ways to run a program."""

    python: Path | str = sys.executable

    def exec(self, *command: Path | str, options: tuple[str, ...] = (), **variables: str) -> Ended:
        return self._follow(self.argv("exec", *options, "--", *map(str, command)), variables)

    def shell(self, *command: Path | str, options: tuple[str, ...] = (), **variables: str) -> Ended:
        harness = " ".join(self.argv("env", *options))
        return self._follow(["sh", "-c", f'eval "$({harness})" && exec "$@"', "sh", *map(str, command)], variables)

    def program(self, name: str, *arguments: str, flags: tuple[str, ...] = (), **variables: str) -> Ended:
        return self.exec(self.python, *flags, PROGRAMS / name, *arguments, **variables)

    def _follow(self, argv: list[str], variables: dict[str, str]) -> Ended:
        ended = Ended()
        with subprocess.Popen(
            argv,
            cwd=self.folder,
            env={**self.environment, "PYTHONUNBUFFERED": "1", **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                ended.lines.append(line.rstrip("\n"))
                ended.arrived.append(time.time())
            ended.code = process.wait()
        return ended


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Works in a folder whose emulator runs already; the tests of a file share it."""
    with standing_in(Client(tmp_path_factory.mktemp("project")), started=True) as client:
        yield client


@pytest.fixture
def newcomer(tmp_path: Path) -> Iterator[Client]:
    """Stands in an empty folder."""
    with standing_in(Client(tmp_path)) as client:
        yield client
