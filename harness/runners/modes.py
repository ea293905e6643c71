"""Modes of the files a job works on: readable for its users, and without setuid and setgid when it has ended."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

_PRIVILEGES = stat.S_ISUID | stat.S_ISGID


def open_to_all(folder: Path, *, writable: bool = False) -> None:
    """Let every user of a job read what was staged for it, as on SageMaker: the emulator writes for itself alone.

    ``writable`` also opens the folders for writing. Only the state folder, which lies around them, keeps others out.
    """
    for path, status in entries(folder):
        mode = stat.S_IMODE(status.st_mode)
        if stat.S_ISDIR(status.st_mode):
            wider = mode | (0o777 if writable else 0o755)
        elif stat.S_ISREG(status.st_mode):
            wider = mode | (0o755 if mode & stat.S_IXUSR else 0o644)
        else:
            continue
        if wider != mode:
            with contextlib.suppress(PermissionError):  # what an earlier container left as somebody else's
                Path(path).chmod(wider)


def remove_privileges(folder: Path) -> None:
    """Clear setuid and setgid of the files that a job left in a folder which nobody writes to now."""
    for path, status in entries(folder):
        if stat.S_ISREG(status.st_mode) and status.st_mode & _PRIVILEGES:
            with contextlib.suppress(OSError):  # another user's
                Path(path).chmod(stat.S_IMODE(status.st_mode) & ~_PRIVILEGES)


def entries(place: Path) -> Iterator[tuple[str, os.stat_result]]:
    """A file, or a folder with all below it; links are not followed."""
    top = os.fspath(place)
    status = os.lstat(top)
    yield top, status
    folders = [top] if stat.S_ISDIR(status.st_mode) else []
    while folders:
        with contextlib.suppress(OSError), os.scandir(folders.pop()) as found:
            for entry in found:
                yield entry.path, entry.stat(follow_symlinks=False)
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
