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
from harness.runners.uv import Progress, UvFailed, UvMissing, locked_install, run_uv

_COMPLETE = "harness-environment"
"""A file in the environment's folder, written last: without it the folder is the remains of a broken build."""
_PIP_SETTINGS = "[global]\ndisable-pip-version-check = true\nroot-user-action = ignore\n"
"""For pip in jobs: no question to an index after the work is done, no warning that root runs it, as in AWS's images."""


class Environments:
    """Thread-safe, and safe between processes. With ``install`` False nothing is fetched on a job's behalf."""

    def __init__(self, folder: Path | None = None, install: bool = True) -> None:
        self.folder = folder or cache_folder("environments")
        self._install = install

    def path(self, environment: Environment) -> Path:
        """The Python of the environment, or ``EnvironmentMissing``."""
        return self._python(self._installed(environment))

    def provide(self, environment: Environment, progress: Progress) -> Path:
        """The Python for a job. What is not installed is built first, if that is allowed."""
        try:
            chosen = self._installed(environment)
        except EnvironmentMissing:
            if not self._install:
                raise
            return self.build(environment, progress)
        if chosen.notice:
            progress(chosen.notice)
        return self._python(chosen)

    def build(self, environment: Environment, progress: Progress) -> Path:
        """The Python of the environment, built if need be. ``progress`` gets uv's own lines.

        The first candidate whose Python is on this machine is built; uv may fetch a Python only if there is none.
        """
        chosen, python = self._buildable(environment)
        if chosen.lock is None:
            return Path(sys.executable)
        if chosen.notice:
            progress(chosen.notice)
        place = self.place(chosen)
        with self._only_one(place):
            if not self._is_complete(chosen):
                shutil.rmtree(place, ignore_errors=True)
                self._build(chosen, python, place, progress)
        return self._python(chosen)

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
        """The folder of the environment, whether it is built or not; its alternatives have folders of their own."""
        assert environment.lock is not None
        try:
            lock = environment.lock.read_bytes()
        except OSError as error:
            raise EnvironmentMissing(f"the lock of environment {environment.name} cannot be read: {error}") from error
        key = hashlib.sha256(lock + b"\0" + _version(environment).encode() + b"\0" + platform.machine().encode())
        return self.folder / f"{re.sub(r'[^A-Za-z0-9._-]', '-', environment.name)}-{key.hexdigest()[:16]}"

    def _installed(self, environment: Environment) -> Environment:
        """The first candidate that is built."""
        for candidate in environment.candidates:
            if self._is_complete(candidate):
                return candidate
        raise EnvironmentMissing(f"the environment of {environment.name} is not installed; {_remedy(environment)}")

    def _is_complete(self, environment: Environment) -> bool:
        return environment.lock is None or (self.place(environment) / _COMPLETE).exists()

    def _python(self, environment: Environment) -> Path:
        return Path(sys.executable) if environment.lock is None else self.place(environment) / "bin" / "python"

    def _buildable(self, environment: Environment) -> tuple[Environment, str]:
        """The candidate to build, and what uv is asked to build it on."""
        for candidate in environment.candidates:
            python = _version(candidate)
            if python == _own_version():
                return candidate, sys.executable
            if candidate.lock is None or _is_on_this_machine(python):
                return candidate, python
        return environment, _version(environment)

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

    def _build(self, environment: Environment, python: str, place: Path, progress: Progress) -> None:
        # In its final place, as virtual environments cannot be moved; the marker makes it whole at one stroke.
        assert environment.lock is not None
        version = _version(environment)
        venv = ["venv", "--no-project", "--python", python, str(place)]
        sync = ["pip", "install", "--python", str(place / "bin" / "python"), *locked_install(environment.lock)]
        try:
            # The progress line comes once there is a Python: else the first line of the job's log is uv's search.
            _uv(environment, venv, _discard_line, PythonMissing)
            progress(f"harness: installing the environment of {environment.name} (Python {version}), once")
            _uv(environment, sync, progress, EnvironmentMissing)
            (place / "pip.conf").write_text(_PIP_SETTINGS)
        except BaseException:
            shutil.rmtree(place, ignore_errors=True)
            raise
        (place / _COMPLETE).write_text(f"{environment.name}\n{version}\n")


def _is_on_this_machine(python: str) -> bool:
    with contextlib.suppress(UvFailed, UvMissing):
        run_uv(["python", "find", "--no-project", "--no-python-downloads", python], _discard_line)
        return True
    return False


def _discard_line(_: str) -> None:
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
