"""Python environments for clients that cannot live beside the harness: built once by ``uv``, kept in the cache."""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

READY = "ready"


def built(config: pytest.Config, name: str, *wanted: str, python: str = sys.executable) -> Path:
    """The Python of an environment with just these packages; built the first time they are asked for."""
    chosen = os.environ.get("HARNESS_CACHE")
    assert config.cache is not None
    folder = Path(chosen).absolute() / "clients" if chosen else Path(config.cache.mkdir("clients"))
    key = hashlib.sha256(repr((wanted, python)).encode()).hexdigest()[:12]
    place = folder / f"{name}-{key}"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{place.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests run in several processes
        _build(place, python, wanted)
    return place / "bin" / "python"


def _build(place: Path, python: str, wanted: tuple[str, ...]) -> None:
    if not (place / READY).exists():
        uv = [sys.executable, "-m", "uv", "--quiet"]
        subprocess.run([*uv, "venv", "--no-project", "--clear", "--python", python, place], check=True)
        subprocess.run([*uv, "pip", "install", "--python", place / "bin" / "python", *wanted], check=True)
        (place / READY).touch()
