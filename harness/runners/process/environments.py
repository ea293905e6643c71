"""Python environments of images: ``uv`` builds each from a lock; they are cached by the lock's hash."""

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
"""A file that is written last to an environment's folder: a folder without it is an incomplete build."""
_PIP_SETTINGS = "[global]\ndisable-pip-version-check = true\nroot-user-action = ignore\n"
"""Settings of pip in jobs, as in AWS's images: no check for new versions and no warning about running as root."""


class Environments:
    """The cache of environments, safe between threads and processes. With ``install`` False, jobs install nothing."""

    def __init__(self, folder: Path | None = None, install: bool = True) -> None:
        self.folder = folder or cache_folder("environments")
        self._install = install

    def path(self, environment: Environment) -> Path:
        """Return the Python of an installed environment; raise ``EnvironmentMissing`` otherwise."""
        return self._python(self._find_installed(environment))

    def provide(self, environment: Environment, progress: Progress) -> Path:
        """Return the Python for a job. An environment that is not installed is built first, if that is allowed."""
        try:
            chosen = self._find_installed(environment)
        except EnvironmentMissing:
            if not self._install:
                raise
            return self.build(environment, progress)
        if chosen.notice:
            progress(chosen.notice)
        return self._python(chosen)

    def build(self, environment: Environment, progress: Progress) -> Path:
        """Return the Python of an environment; build the environment if needed. ``progress`` gets uv's lines.

        The first candidate whose Python is installed on this machine is built. If there is none, uv downloads a Python.
        """
        chosen, python = self._choose_candidate(environment)
        if chosen.lock is None:
            return Path(sys.executable)
        if chosen.notice:
            progress(chosen.notice)
        folder = self.folder_of(chosen)
        with self._lock(folder):
            if not self._is_complete(chosen):
                shutil.rmtree(folder, ignore_errors=True)
                self._build(chosen, python, folder, progress)
        return self._python(chosen)

    def complete_folders(self) -> Mapping[str, Path]:
        """Return the folders of complete environments, by name."""
        if not self.folder.is_dir():
            return {}
        return {folder.name: folder for folder in sorted(self.folder.iterdir()) if (folder / _COMPLETE).exists()}

    def all_folders(self) -> Sequence[Path]:
        """Return every folder of the cache: environments and incomplete builds."""
        return [folder for folder in sorted(self.folder.iterdir()) if folder.is_dir()] if self.folder.is_dir() else []

    def discard(self, folder: Path) -> bool:
        """Remove a folder of the cache; return False if another process is building or removing it."""
        try:
            with self._lock(folder, wait=False):
                (folder / _COMPLETE).unlink(missing_ok=True)
                shutil.rmtree(folder, ignore_errors=True)
        except BlockingIOError:
            return False
        return not folder.exists()

    def folder_of(self, environment: Environment) -> Path:
        """Return the folder of an environment, built or not; its alternatives have their own folders."""
        assert environment.lock is not None
        try:
            lock = environment.lock.read_bytes()
        except OSError as error:
            raise EnvironmentMissing(f"the lock of environment {environment.name} cannot be read: {error}") from error
        key = hashlib.sha256(lock + b"\0" + _version(environment).encode() + b"\0" + platform.machine().encode())
        return self.folder / f"{re.sub(r'[^A-Za-z0-9._-]', '-', environment.name)}-{key.hexdigest()[:16]}"

    def _find_installed(self, environment: Environment) -> Environment:
        """Return the first candidate that is built; raise ``EnvironmentMissing`` if none is."""
        for candidate in environment.candidates:
            if self._is_complete(candidate):
                return candidate
        raise EnvironmentMissing(f"the environment of {environment.name} is not installed; {_remedy(environment)}")

    def _is_complete(self, environment: Environment) -> bool:
        return environment.lock is None or (self.folder_of(environment) / _COMPLETE).exists()

    def _python(self, environment: Environment) -> Path:
        return Path(sys.executable) if environment.lock is None else self.folder_of(environment) / "bin" / "python"

    def _choose_candidate(self, environment: Environment) -> tuple[Environment, str]:
        """Return the candidate to build, and the Python (version or path) to build it with."""
        for candidate in environment.candidates:
            python = _version(candidate)
            if python == _own_version():
                return candidate, sys.executable
            if candidate.lock is None or _is_on_this_machine(python):
                return candidate, python
        return environment, _version(environment)

    @contextlib.contextmanager
    def _lock(self, folder: Path, wait: bool = True) -> Iterator[None]:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(folder.with_name(folder.name + ".lock"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise EnvironmentMissing(f"the cache of environments cannot be written: {error}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        finally:
            os.close(descriptor)

    def _build(self, environment: Environment, python: str, folder: Path, progress: Progress) -> None:
        # It is built in its final folder, as virtual environments cannot be moved; the marker file completes it.
        assert environment.lock is not None
        version = _version(environment)
        venv = ["venv", "--no-project", "--python", python, str(folder)]
        sync = ["pip", "install", "--python", str(folder / "bin" / "python"), *locked_install(environment.lock)]
        try:
            # The progress line is written once there is a Python, and uv's search for one is not part of the log.
            _uv(environment, venv, _discard_line, PythonMissing)
            progress(f"harness: installing the environment of {environment.name} (Python {version}), once")
            _uv(environment, sync, progress, EnvironmentMissing)
            (folder / "pip.conf").write_text(_PIP_SETTINGS)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        (folder / _COMPLETE).write_text(f"{environment.name}\n{version}\n")


def _is_on_this_machine(python: str) -> bool:
    with contextlib.suppress(UvFailed, UvMissing):
        run_uv(["python", "find", "--no-project", "--no-python-downloads", python], _discard_line)
        return True
    return False


def _discard_line(_: str) -> None:
    """Ignore a line: output about finding a Python matters only on failure, and is part of the error then."""


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
        raise EnvironmentMissing(
            f"uv, which installs the environment of {environment.name}, is not installed"
        ) from None
    except UvFailed as error:
        raise failure(
            f"the environment of {environment.name} could not be installed; {_remedy(environment)}\n{error}"
        ) from None
