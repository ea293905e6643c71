"""Checks at the start that the installed moto is a version that the ``patched_*`` modules support."""

from __future__ import annotations

from importlib.metadata import version

from harness.kernel.errors import StateError

SERIES = "5.2."
FIRST = 5


def moto_version() -> str:
    return version("moto")


def require() -> str:
    version = moto_version()
    if not version.startswith(SERIES) or int(version[len(SERIES) :].split(".")[0]) < FIRST:
        raise StateError(
            f"moto {version} is installed, which the emulator cannot use",
            f"install moto {SERIES}{FIRST} or a later {SERIES}x",
        )
    return version
