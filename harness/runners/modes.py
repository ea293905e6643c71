"""File modes of a job's folders: readable for its users while it runs, without setuid and setgid bits afterwards."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

_PRIVILEGES = stat.S_ISUID | stat.S_ISGID


def open_to_all(folder: Path, *, writable: bool = False) -> None:
    """Let every user of a job read its folder, as on SageMaker; ``writable`` lets them create files too.

    The state folder around it still keeps other users of the host out.
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
            with contextlib.suppress(PermissionError):  # a file of another user, left by an earlier container
                Path(path).chmod(wider)


def remove_privileges(folder: Path) -> None:
    """Clear the setuid and setgid bits of the files that an ended job left in a folder."""
    for path, status in entries(folder):
        if stat.S_ISREG(status.st_mode) and status.st_mode & _PRIVILEGES:
            with contextlib.suppress(OSError):  # a file of another user
                Path(path).chmod(stat.S_IMODE(status.st_mode) & ~_PRIVILEGES)


def entries(path: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Yield a file, or a folder with everything below it, with its status. Links are not followed."""
    top = os.fspath(path)
    status = os.lstat(top)
    yield top, status
    folders = [top] if stat.S_ISDIR(status.st_mode) else []
    while folders:
        with contextlib.suppress(OSError), os.scandir(folders.pop()) as listing:
            for entry in listing:
                yield entry.path, entry.stat(follow_symlinks=False)
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
