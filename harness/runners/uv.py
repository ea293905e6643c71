"""Running ``uv``, which installs the Python packages of environments and images: the only user of the package index."""

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
    """The program uv is not installed."""


class UvFailed(Exception):
    """An error from uv; the message is the end of its output."""


def find_uv() -> str | None:
    beside = Path(sys.executable).parent / "uv"
    return str(beside) if beside.exists() else shutil.which("uv")


def locked_install(lock: Path) -> list[str]:
    """Return the arguments of ``uv pip install`` for a lock: exactly its packages, verified by their hashes.

    Packages that have only a source archive are built with build tools that are locked the same way.
    """
    return ["--no-deps", "--require-hashes", "--build-constraints", str(BUILD_TOOLS), "-r", str(lock.absolute())]


def run_uv(arguments: Sequence[str], progress: Progress) -> None:
    """Run uv and pass each line of its output to ``progress``. Raise ``UvMissing`` or ``UvFailed``."""
    uv = find_uv()
    if uv is None:
        raise UvMissing
    settings = {"NO_COLOR": "1", "UV_NO_PROGRESS": "1", "PATH": _search_path()}
    ours = {name: value for name, value in os.environ.items() if name not in _NOT_PASSED_ON}
    lines: list[str] = []
    with subprocess.Popen(
        [uv, *arguments],
        cwd="/",  # so that uv reads the user's configuration (a company's index) but not a project's
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        umask=0o022,  # with an emulator run by root, jobs run as another user, who must read the environment
        env={**ours, **settings},
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line.rstrip())
            progress(line.rstrip())
    if process.returncode:
        raise UvFailed("\n".join(lines[-_LAST_LINES:]))


def _search_path() -> str:
    """Return PATH with pyenv's Pythons instead of its shims, which mislead uv about which releases are installed."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    pythons: list[str] = []
    with contextlib.suppress(OSError):  # a folder of another user
        pythons = [str(folder) for folder in sorted(pyenv.glob("versions/3.*/bin"), reverse=True)]
    usual = os.environ.get("PATH", os.defpath).split(os.pathsep)
    return os.pathsep.join([*(folder for folder in usual if folder != str(pyenv / "shims")), *pythons])
