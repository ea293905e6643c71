"""Warm interpreters for the user's own programs: the emulator keeps them, and ``sandbox.py`` requests a fork of one.

A request is a JSON file with ``argv``, ``env`` and ``cwd`` of the program, the emulator's ``port`` and the ``modules``
that are imported beforehand. A warm interpreter only imports unmodified packages.
"""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Any

from harness.runners.process.pool import Kind, NoWarmParent, WarmPool

_READ_AT_IMPORT = ("AWS_", "HARNESS_OFFLINE", "HOME", "HTTP", "NO_PROXY", "SAGEMAKER", "XDG_", "http", "no_proxy")


class WarmInterpreters:
    def __init__(self, pool: WarmPool | None) -> None:
        """Use the warm parents of ``pool``; with None, every program starts its own interpreter."""
        self._pool = pool

    def prepare(self, request: int) -> None:
        """Start a warm parent for the next program like this one, and wait for its imports."""
        if self._pool is not None:
            with contextlib.suppress(NoWarmParent):
                self._pool.warm(_kind(request))

    def fork(self, request: int, channel: int, output: int) -> bool:
        """Fork the program from a warm parent and return True; return False if no parent is ready.

        The program communicates on ``channel`` from then on.
        """
        parent = self._pool.ready(_kind(request)) if self._pool is not None else None
        if self._pool is None or parent is None:
            return False
        try:
            parent.hand_over({}, [channel, output, request])
        except NoWarmParent:
            self._pool.discard(parent)
            return False
        return True

    def describe(self) -> str:
        return "off" if self._pool is None else self._pool.describe()

    def close(self) -> None:
        if self._pool is not None:
            self._pool.close()


def _kind(request: int) -> Kind:
    body: dict[str, Any] = json.loads(os.pread(request, os.fstat(request).st_size, 0))
    env: dict[str, str] = body["env"]
    python = Path(body["argv"][0])
    kind = Kind.of(python, tuple(body["modules"]), env)
    read = {(name, value) for name, value in env.items() if name.startswith(_READ_AT_IMPORT)}
    return Kind(python, kind.modules, kind.variables | read, _last_installed(python))


def package_folders(python: Path) -> list[Path]:
    """Return the folders that packages of this interpreter are installed in."""
    return list(python.parent.parent.glob("lib/python*/*-packages"))


def _last_installed(python: Path) -> int:
    return max((folder.stat().st_mtime_ns for folder in package_folders(python)), default=0)
