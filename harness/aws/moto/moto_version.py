"""Which moto the seams were written against. Another one is refused at start, not discovered in a stack trace."""

from __future__ import annotations

from importlib.metadata import version

from harness.kernel.errors import StateError

SERIES = "5.2."
FIRST = 5


def moto_version() -> str:
    return version("moto")


def require() -> str:
    found = moto_version()
    if not found.startswith(SERIES) or int(found[len(SERIES) :].split(".")[0]) < FIRST:
        raise StateError(
            f"moto {found} is installed, which the emulator cannot use",
            f"install moto {SERIES}{FIRST} or a later {SERIES}x",
        )
    return found
