"""Fetching the packages of an image's lock on the host, for the Python and the processor of the image."""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from harness.runners.docker.context import OwnImage
from harness.runners.docker.errors import EngineRefusal
from harness.runners.uv import Progress, UvFailed, UvMissing, locked_install, run_uv

_PREFIX = "building-"


@contextlib.contextmanager
def packages_of(image: OwnImage, python: str, machine: str, cache: Path, progress: Progress) -> Iterator[Path]:
    """Provide a temporary folder with the packages as the image's Python imports them."""
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=_PREFIX, dir=cache) as temporary, _in_use(Path(temporary)):
        target = Path(temporary) / "packages"
        fetch_packages(image, python, machine, target, progress)
        yield target


def fetch_packages(image: OwnImage, python: str, machine: str, target: Path, progress: Progress) -> None:
    """Install the packages into ``target``. Only wheels are used, because compiled code would be for this machine.

    The few source archives in the locks are pure Python, so they can be built here.
    """
    lock = image.locks.get(python)
    if lock is None:
        raise EngineRefusal(
            f"{image.title} has no lock for Python {python}, only for {', '.join(image.locks)}: "
            f"use --base python:{image.python}-slim"
        )
    target.mkdir(parents=True)
    arguments = ["pip", "install", "--target", str(target), "--python-version", python]
    arguments += ["--python-platform", f"{machine}-manylinux_2_28", *locked_install(lock)]
    progress(f"harness: {image.title}: fetching its packages for Python {python}")
    try:
        run_uv(arguments, lambda _: None)
    except UvMissing:
        raise EngineRefusal("uv, which fetches the packages of images, is not installed: install it") from None
    except UvFailed as error:
        raise EngineRefusal(f"fetching the packages of {image.title} for Python {python} failed\n{error}") from None


def remains(cache: Path) -> list[Path]:
    """Return temporary folders of ``packages_of`` that a killed process left behind."""
    return [folder for folder in sorted(cache.glob(f"{_PREFIX}*")) if not _is_used(folder)] if cache.is_dir() else []


@contextlib.contextmanager
def _in_use(folder: Path) -> Iterator[None]:
    """Lock a folder; the lock is released when the process ends, even if it is killed."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _is_used(folder: Path) -> bool:
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
