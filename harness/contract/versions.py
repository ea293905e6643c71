"""What of an image of the catalogue decides what its programs make, as one digest. Reads package data only."""

from __future__ import annotations

import hashlib
import platform
import sys
from functools import cache
from pathlib import Path

from harness import __version__
from harness.contract.catalog import IMAGES, Image
from harness.contract.containers import ImageProtocol
from harness.runners.spec import Environment

_PROGRAMS = (".py", ".toml", ".txt", ".json")


def program_version(image: ImageProtocol) -> str:
    """Empty for an image that is not of the catalogue."""
    if not isinstance(image, Image):
        return ""
    return f"{image.title} {_programs()} {_surroundings(image.environment)}"


@cache
def _programs() -> str:
    """All of them: they are small, and one may import what lies beside another."""
    digest = hashlib.sha256(__version__.encode())
    for file in sorted(IMAGES.rglob("*")):
        if file.suffix in _PROGRAMS and file.is_file():
            digest.update(file.relative_to(IMAGES).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def _surroundings(environment: Environment) -> str:
    digest = hashlib.sha256(platform.machine().encode())
    for candidate in environment.candidates:
        digest.update(f"\0{candidate.python}\0".encode())
        digest.update(_own_packages().encode() if candidate.lock is None else candidate.lock.read_bytes())
    return digest.hexdigest()


@cache
def _own_packages() -> str:
    """By the names of their folders, which hold name and version: reading what each says of itself takes a second."""
    found = {each.name for place in sys.path for each in Path(place).glob("*.dist-info")}
    return f"{platform.python_version()} {sorted(found)}"
