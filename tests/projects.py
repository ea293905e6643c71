"""``harness`` as its users type it: a fresh process in a project folder of its own."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

from harness.clients.emulator_process import find, package_parent, stop
from harness.kernel.cache import cache_folder


class Project:
    """A folder to stand in; ``run("start")`` is what a user types there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = folder / ".harness"
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "PYTHONPATH": package_parent(),
            "HARNESS_PORT": "0",
            # What was installed once stays installed, and the machine's own certificates go on holding.
            "HARNESS_CACHE": str(cache_folder("environments").parent),
            **{name: value for name, value in os.environ.items() if name.startswith(("SSL_CERT", "UV_"))},
        }

    def argv(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "harness.cli", *arguments]

    def run(self, *arguments: str, **more: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.argv(*arguments),
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=110,
            check=False,
            **more,
        )

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        """The same, not waited for."""
        return subprocess.Popen(
            self.argv(*arguments),
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def json(self, *arguments: str) -> Any:
        done = self.run(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def configure(self, text: str) -> None:
        (self.folder / "harness.toml").write_text(text)

    def ledger(self) -> str:
        return "".join(file.read_text() for file in (self.state / "ledger").glob("*.jsonl"))

    def scenario(self, name: str, body: str, head: str = 'SDK = "v2"\nTITLE = "The title"\n') -> None:
        file = self.folder / "scenarios" / f"{name}.py"
        file.parent.mkdir(exist_ok=True)
        file.write_text(head + "def run(session):\n" + "\n".join("    " + line for line in body.splitlines()) + "\n")

    def stop(self) -> None:
        emulator = find(self.state)
        if emulator is not None:
            stop(emulator)


P = TypeVar("P", bound=Project)


@contextlib.contextmanager
def standing_in(project: P, started: bool = False) -> Iterator[P]:
    """The project, with its emulator running if wanted; whatever runs for it at the end is stopped."""
    if started:
        done = project.run("start")
        assert done.returncode == 0, done.stderr
    try:
        yield project
    finally:
        project.stop()
