"""Digests of everything in a catalogue image that may affect the results of its programs."""

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
    """Return a digest of the image's programs and environment; empty for an image that is not in the catalogue."""
    if not isinstance(image, Image):
        return ""
    return f"{image.display_name} {_programs()} {_environment_digest(image.environment)}"


@cache
def _programs() -> str:
    """Return a hash of every image program: they are small and may import each other."""
    digest = hashlib.sha256(__version__.encode())
    for file in sorted(IMAGES.rglob("*")):
        if file.suffix in _PROGRAMS and file.is_file():
            digest.update(file.relative_to(IMAGES).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def _environment_digest(environment: Environment) -> str:
    digest = hashlib.sha256(platform.machine().encode())
    for candidate in environment.candidates:
        digest.update(f"\0{candidate.python}\0".encode())
        digest.update(_own_packages().encode() if candidate.lock is None else candidate.lock.read_bytes())
    return digest.hexdigest()


@cache
def _own_packages() -> str:
    """Return Python's version and the names of installed packages, by folder: reading their metadata takes a second."""
    packages = {each.name for entry in sys.path for each in Path(entry).glob("*.dist-info")}
    return f"{platform.python_version()} {sorted(packages)}"
