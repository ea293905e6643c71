"""Opens folders and files relative to an open folder, and never follows a link.

A running program may replace any part of a path at any time. An open descriptor keeps meaning the same folder.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def open_folder(name: str, parent: int | None = None) -> int:
    """Open a folder. Restore the owner's rights to it if they were removed. Raise ``NotADirectoryError`` for a link."""
    return _open(name, FOLDER, stat.S_IRWXU, parent)


def open_file(name: str, parent: int) -> int:
    """Open a file for reading, without waiting for the writer of a FIFO. Raise ``OSError`` (ELOOP) for a link."""
    return _open(name, FILE, stat.S_IRUSR, parent)


@contextlib.contextmanager
def open_below(root: Path, parts: Sequence[str], make: bool = False) -> Iterator[int]:
    """Open the folder at ``parts`` below ``root``, part by part. ``make`` creates missing folders."""
    descriptor = open_folder(str(root))
    try:
        for part in parts:
            if make:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(part, dir_fd=descriptor)
            inner = open_folder(part, descriptor)
            os.close(descriptor)
            descriptor = inner
        yield descriptor
    finally:
        os.close(descriptor)


def _open(name: str, flags: int, rights: int, parent: int | None) -> int:
    try:
        return os.open(name, flags, dir_fd=parent)
    except PermissionError:
        _allow(name, rights, parent)
        return os.open(name, flags, dir_fd=parent)


def _allow(name: str, rights: int, parent: int | None) -> None:
    """Add the owner's rights to a file or folder. A link is not followed, so its target is never changed."""
    if not hasattr(os, "O_PATH"):  # macOS, where chmod has an option not to follow links
        mode = os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode
        os.chmod(name, stat.S_IMODE(mode) | rights, dir_fd=parent, follow_symlinks=False)
        return
    descriptor = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode) or stat.S_ISREG(mode):
            Path(f"/proc/self/fd/{descriptor}").chmod(stat.S_IMODE(mode) | rights)
    finally:
        os.close(descriptor)
