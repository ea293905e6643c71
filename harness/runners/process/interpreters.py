"""Warm interpreters for the user's own programs: the emulator keeps them, ``sandbox.py`` asks for a fork of one.

A request is a file of JSON: ``argv`` and ``env`` of the program, its ``cwd``, the emulator's ``port``, the ``modules``
to have imported. The unmodified packages are imported, nothing else: what a program does, it does itself.
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
        """None: there are none, every program starts its own."""
        self._pool = pool

    def prepare(self, request: int) -> None:
        """Have a parent stand ready for the next program like this one. Waits for its imports."""
        if self._pool is not None:
            with contextlib.suppress(NoWarmParent):
                self._pool.warm(_kind(request))

    def fork(self, request: int, channel: int, output: int) -> bool:
        """Whether a parent stood ready and has forked the program, which from here on talks on ``channel``."""
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
    asked: dict[str, Any] = json.loads(os.pread(request, os.fstat(request).st_size, 0))
    env: dict[str, str] = asked["env"]
    python = Path(asked["argv"][0])
    kind = Kind.of(python, tuple(asked["modules"]), env)
    read = {(name, value) for name, value in env.items() if name.startswith(_READ_AT_IMPORT)}
    return Kind(python, kind.modules, kind.variables | read, _last_installed(python))


def package_folders(python: Path) -> list[Path]:
    """Where packages are installed for this interpreter."""
    return list(python.parent.parent.glob("lib/python*/*-packages"))


def _last_installed(python: Path) -> int:
    return max((folder.stat().st_mtime_ns for folder in package_folders(python)), default=0)
