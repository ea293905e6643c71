"""Whose the files are that a job of a root emulator works on: the job's user's while it runs."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from harness.runners.process.users import JobUser

_PRIVILEGES = stat.S_ISUID | stat.S_ISGID


def give_to_job(folder: Path, user: JobUser) -> None:
    """Everything in a folder (or a file) that nobody writes to now. What is the job's already stays as it is."""
    for path, status in _entries(folder):
        if not user.owns(status.st_uid):
            os.lchown(path, user.first, user.first)


def open_to_all(folder: Path) -> None:
    """Let every user of a job read what was staged for it: the emulator writes its files for itself alone."""
    for path, status in _entries(folder):
        if not stat.S_ISLNK(status.st_mode):
            mode = stat.S_IMODE(status.st_mode)
            readable = mode | (0o755 if stat.S_ISDIR(status.st_mode) or mode & 0o100 else 0o644)
            if readable != mode:
                Path(path).chmod(readable)


def take_back(folder: Path, user: JobUser | None) -> None:
    """Give what a job left in a folder of somebody else's to whom this process runs as, without setuid and setgid."""
    for path, status in _entries(folder):
        with contextlib.suppress(OSError):
            if user is not None and user.owns(status.st_uid):
                os.lchown(path, 0, 0)  # the kernel clears the bits of files by that
            elif stat.S_ISREG(status.st_mode) and status.st_mode & _PRIVILEGES and status.st_uid == os.geteuid():
                Path(path).chmod(stat.S_IMODE(status.st_mode) & ~_PRIVILEGES)


def _entries(place: Path) -> Iterator[tuple[str, os.stat_result]]:
    """The place itself and all below it; links are not followed."""
    top = os.fspath(place)
    yield top, os.lstat(top)
    folders = [top] if place.is_dir() and not place.is_symlink() else []
    while folders:
        with contextlib.suppress(OSError), os.scandir(folders.pop()) as entries:
            for entry in entries:
                yield entry.path, entry.stat(follow_symlinks=False)
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
