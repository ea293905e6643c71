"""Python environments of images: built by ``uv`` from a lock, cached by its hash."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import platform
import re
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from harness.kernel.cache import cache_folder
from harness.runners.process.errors import EnvironmentMissing, PythonMissing
from harness.runners.spec import Environment
from harness.runners.uv import Progress, UvFailed, UvMissing, run_uv

_COMPLETE = "harness-environment"
"""A file in the environment's folder, written last: without it the folder is the remains of a broken build."""


class Environments:
    """Thread-safe, and safe between processes. With ``install`` False nothing is fetched on a job's behalf."""

    def __init__(self, folder: Path | None = None, install: bool = True) -> None:
        self.folder = folder or cache_folder("environments")
        self._install = install

    def path(self, environment: Environment) -> Path:
        """Its Python, or ``EnvironmentMissing``."""
        if environment.lock is None:
            return Path(sys.executable)
        place = self.place(environment)
        if not (place / _COMPLETE).exists():
            raise EnvironmentMissing(f"the environment of {environment.name} is not installed; {_remedy(environment)}")
        return place / "bin" / "python"

    def provide(self, environment: Environment, progress: Progress) -> Path:
        """For a job: build it if that is allowed."""
        try:
            return self.path(environment)
        except EnvironmentMissing:
            if not self._install:
                raise
        return self.build(environment, progress)

    def build(self, environment: Environment, progress: Progress) -> Path:
        """``progress`` gets uv's own lines. Two who ask at once get one build."""
        if environment.lock is None:
            return Path(sys.executable)
        place = self.place(environment)
        with self._only_one(place):
            if not (place / _COMPLETE).exists():
                shutil.rmtree(place, ignore_errors=True)
                self._build(environment, place, progress)
        return place / "bin" / "python"

    def installed(self) -> Mapping[str, Path]:
        """Environments by the name of their folder."""
        if not self.folder.is_dir():
            return {}
        return {place.name: place for place in sorted(self.folder.iterdir()) if (place / _COMPLETE).exists()}

    def kept(self) -> Sequence[Path]:
        """Every folder of the cache: environments, and the remains of builds that broke off."""
        return [place for place in sorted(self.folder.iterdir()) if place.is_dir()] if self.folder.is_dir() else []

    def discard(self, place: Path) -> bool:
        """Remove one of ``kept``; False when it is being built or removed right now."""
        try:
            with self._only_one(place, wait=False):
                (place / _COMPLETE).unlink(missing_ok=True)
                shutil.rmtree(place, ignore_errors=True)
        except BlockingIOError:
            return False
        return not place.exists()

    def place(self, environment: Environment) -> Path:
        """Its folder, whether it is built or not."""
        assert environment.lock is not None
        try:
            lock = environment.lock.read_bytes()
        except OSError as error:
            raise EnvironmentMissing(f"the lock of environment {environment.name} cannot be read: {error}") from error
        key = hashlib.sha256(lock + b"\0" + _version(environment).encode() + b"\0" + platform.machine().encode())
        return self.folder / f"{re.sub(r'[^A-Za-z0-9._-]', '-', environment.name)}-{key.hexdigest()[:16]}"

    @contextlib.contextmanager
    def _only_one(self, place: Path, wait: bool = True) -> Iterator[None]:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(place.with_name(place.name + ".lock"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise EnvironmentMissing(f"the cache of environments cannot be written: {error}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        finally:
            os.close(descriptor)

    def _build(self, environment: Environment, place: Path, progress: Progress) -> None:
        # In its final place, as virtual environments cannot be moved; the marker makes it whole at one stroke.
        assert environment.lock is not None
        python = _version(environment)
        venv = ["venv", "--no-project", "--python", sys.executable if python == _own_version() else python, str(place)]
        sync = [
            "pip",
            "install",
            "--no-deps",
            "--python",
            str(place / "bin" / "python"),
            "-r",
            str(environment.lock.absolute()),
        ]
        try:
            # Told only once a Python is found: else the first line of the job's log says what stands in.
            _uv(environment, venv, _untold, PythonMissing)
            progress(f"harness: installing the environment of {environment.name} (Python {python}), once")
            _uv(environment, sync, progress, EnvironmentMissing)
        except BaseException:
            shutil.rmtree(place, ignore_errors=True)
            raise
        (place / _COMPLETE).write_text(f"{environment.name}\n{python}\n")
        progress(f"harness: the environment of {environment.name} is installed")


def _untold(_: str) -> None:
    """uv's lines about finding a Python are evidence when it fails, and of no interest otherwise."""


def _version(environment: Environment) -> str:
    return environment.python or _own_version()


def _own_version() -> str:
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def _remedy(environment: Environment) -> str:
    return f"run: harness images pull {environment.name}"


def _uv(environment: Environment, arguments: list[str], progress: Progress, failure: type[EnvironmentMissing]) -> None:
    try:
        run_uv(arguments, progress)
    except UvMissing:
        raise EnvironmentMissing(f"uv, which installs the environment of {environment.name}, is not found") from None
    except UvFailed as error:
        raise failure(
            f"the environment of {environment.name} could not be installed; {_remedy(environment)}\n{error}"
        ) from None
