"""The packages of an image's lock, fetched on the host for the Python and machine of the image."""

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
    """A folder with the packages as the image's Python imports them, while the context is open."""
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=_PREFIX, dir=cache) as temporary, _in_use(Path(temporary)):
        target = Path(temporary) / "packages"
        fetch_packages(image, python, machine, target, progress)
        yield target


def fetch_packages(image: OwnImage, python: str, machine: str, target: Path, progress: Progress) -> None:
    """Wheels only, as what would have to be compiled is not for a machine that is another than the image's.

    The few source archives of the locks are pure Python: what is built from them here fits there.
    """
    lock = image.locks.get(python)
    if lock is None:
        raise EngineRefusal(
            f"{image.title} has no lock for Python {python}; it has for {', '.join(image.locks)}: "
            f"take --base python:{image.python}-slim"
        )
    target.mkdir(parents=True)
    arguments = ["pip", "install", "--target", str(target), "--python-version", python]
    arguments += ["--python-platform", f"{machine}-manylinux_2_28", *locked_install(lock)]
    progress(f"harness: {image.title}: fetching its packages for Python {python}")
    try:
        run_uv(arguments, lambda _: None)
    except UvMissing:
        raise EngineRefusal("uv, which fetches the packages of images, is not found") from None
    except UvFailed as error:
        raise EngineRefusal(f"the packages of {image.title} cannot be had for Python {python}\n{error}") from None


def remains(cache: Path) -> list[Path]:
    """Folders of ``packages_of`` whose process was killed."""
    return [place for place in sorted(cache.glob(f"{_PREFIX}*")) if not _is_used(place)] if cache.is_dir() else []


@contextlib.contextmanager
def _in_use(folder: Path) -> Iterator[None]:
    """A lock that ends with the process, however that ends."""
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
