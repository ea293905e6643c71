"""Runs ``uv``, which installs the Python packages of environments and images. Only this goes to the package index."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

Progress = Callable[[str], None]

BUILD_TOOLS = Path(__file__).with_name("build-tools.lock")

_LAST_LINES = 15
_NOT_PASSED_ON = frozenset(
    (
        "VIRTUAL_ENV",
        "PYTHONPATH",
        "UV_BUILD_CONSTRAINT",
        "UV_CONSTRAINT",
        "UV_EXCLUDE_NEWER",
        "UV_OVERRIDE",
        "UV_PYTHON",
    )
)
"""Variables that choose another environment or other versions than those of the lock."""


class UvMissing(Exception):
    """There is no uv."""


class UvFailed(Exception):
    """uv ended with an error; the message is the end of what it said."""


def find_uv() -> str | None:
    beside = Path(sys.executable).parent / "uv"
    return str(beside) if beside.exists() else shutil.which("uv")


def locked_install(lock: Path) -> list[str]:
    """The arguments of ``uv pip install`` for a lock: what it names and nothing else, each file by its hash.

    Packages that have only a source archive are built with build tools that are locked the same way.
    """
    return ["--no-deps", "--require-hashes", "--build-constraints", str(BUILD_TOOLS), "-r", str(lock.absolute())]


def run_uv(arguments: Sequence[str], progress: Progress) -> None:
    """``progress`` gets uv's lines as they come."""
    uv = find_uv()
    if uv is None:
        raise UvMissing
    settings = {"NO_COLOR": "1", "UV_NO_PROGRESS": "1", "PATH": _search_path()}
    ours = {name: value for name, value in os.environ.items() if name not in _NOT_PASSED_ON}
    lines: list[str] = []
    with subprocess.Popen(
        [uv, *arguments],
        cwd="/",  # the user's own configuration of uv holds (an index of the company's), a project's does not
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        umask=0o022,  # jobs of a root emulator are another user, who reads the environment
        env={**ours, **settings},
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line.rstrip())
            progress(line.rstrip())
    if process.returncode:
        raise UvFailed("\n".join(lines[-_LAST_LINES:]))


def _search_path() -> str:
    """PATH with the Pythons that pyenv built; its shims answer for releases that are not installed, and mislead uv."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    found: list[str] = []
    with contextlib.suppress(OSError):  # another user's, perhaps
        found = [str(place) for place in sorted(pyenv.glob("versions/3.*/bin"), reverse=True)]
    usual = os.environ.get("PATH", os.defpath).split(os.pathsep)
    return os.pathsep.join([*(place for place in usual if place != str(pyenv / "shims")), *found])
