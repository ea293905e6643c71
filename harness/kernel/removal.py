"""Removes folders of any depth and with any access modes, as jobs may leave them."""

from __future__ import annotations

import contextlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from harness.kernel.folder_descriptors import FOLDER, open_folder

_ROUNDS = 3
_Identity = tuple[int, int]
"""The device and the inode of a folder."""


@dataclass
class _Level:
    """A folder whose content is being removed: its name in its parent, and the folders still to be removed in it."""

    name: str
    identity: _Identity
    folders: list[str]


class _Moved(OSError):
    """A folder was moved while it was being emptied."""


def remove_tree(folder: Path) -> None:
    """Remove a folder and everything below it, as far as access rights allow. Links are removed and never followed.

    Stack, path length and number of open descriptors do not grow with the depth. The removal is tried a few times,
    because a program may still be writing into the folder.
    """
    for _ in range(_ROUNDS):
        try:
            top = open_folder(str(folder))
        except FileNotFoundError:
            return
        except OSError:
            with contextlib.suppress(OSError):
                folder.unlink()  # a link or a file; a folder that cannot be opened stays
            return
        with contextlib.suppress(_Moved):
            _clear(top)
        with contextlib.suppress(OSError):
            folder.rmdir()


def _clear(descriptor: int) -> None:
    """Remove the content of an open folder, and close the folder."""
    try:
        levels = [_enter("", descriptor)]
        while levels:
            if levels[-1].folders:
                name = levels[-1].folders.pop()
                with contextlib.suppress(OSError):  # already gone, or not permitted: the rmdir at the end fails then
                    inner = open_folder(name, descriptor)
                    os.close(descriptor)
                    descriptor = inner
                    levels.append(_enter(name, descriptor))
                continue
            emptied = levels.pop()
            if levels:
                descriptor = _climb(descriptor, levels[-1].identity)
                with contextlib.suppress(OSError):
                    os.rmdir(emptied.name, dir_fd=descriptor)
    finally:
        os.close(descriptor)


def _enter(name: str, descriptor: int) -> _Level:
    """Remove the files of an open folder and list its folders."""
    facts = os.fstat(descriptor)
    if facts.st_mode & stat.S_IRWXU != stat.S_IRWXU:
        with contextlib.suppress(OSError):
            os.fchmod(descriptor, stat.S_IRWXU)
    folders = []
    with contextlib.suppress(OSError), os.scandir(descriptor) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.name)
            else:
                with contextlib.suppress(OSError):
                    os.unlink(entry.name, dir_fd=descriptor)
    return _Level(name, (facts.st_dev, facts.st_ino), folders)


def _climb(descriptor: int, identity: _Identity) -> int:
    """Close an open folder and open its parent. Raise ``_Moved`` if that is not the folder ``identity``."""
    above = os.open("..", FOLDER, dir_fd=descriptor)
    facts = os.fstat(above)
    if (facts.st_dev, facts.st_ino) != identity:
        os.close(above)
        raise _Moved(f"folder {identity} is no longer above")
    os.close(descriptor)
    return above
