"""Removing folders of any depth and with any modes, as programs leave them."""

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
    """A folder whose content is being removed: its name in the folder above, and the folders still in it."""

    name: str
    identity: _Identity
    folders: list[str]


class _Moved(OSError):
    """A folder was moved elsewhere while it was emptied."""


def remove_tree(folder: Path) -> None:
    """Remove a folder and all below it, as far as the rights allow. Links are removed and never followed.

    Neither the stack nor a path nor the number of descriptors grows with the depth. A program that still writes into
    the folder gets a few rounds.
    """
    for _ in range(_ROUNDS):
        try:
            top = open_folder(str(folder))
        except FileNotFoundError:
            return
        except OSError:
            with contextlib.suppress(OSError):
                folder.unlink()  # a link or a file; of a folder that cannot be opened nothing is removed
            return
        with contextlib.suppress(_Moved):
            _clear(top)
        with contextlib.suppress(OSError):
            folder.rmdir()


def _clear(descriptor: int) -> None:
    """Remove what is in an open folder, and close it."""
    try:
        levels = [_enter("", descriptor)]
        while levels:
            if levels[-1].folders:
                name = levels[-1].folders.pop()
                with contextlib.suppress(OSError):  # it went meanwhile, or is not ours: what stays is seen at the end
                    inner = open_folder(name, descriptor)
                    os.close(descriptor)
                    descriptor = inner
                    levels.append(_enter(name, descriptor))
                continue
            left = levels.pop()
            if levels:
                descriptor = _climb(descriptor, levels[-1].identity)
                with contextlib.suppress(OSError):
                    os.rmdir(left.name, dir_fd=descriptor)
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
    """Exchange an open folder for the one above it, which must be the one that it was entered from."""
    above = os.open("..", FOLDER, dir_fd=descriptor)
    facts = os.fstat(above)
    if (facts.st_dev, facts.st_ino) != identity:
        os.close(above)
        raise _Moved(f"folder {identity} is no longer above")
    os.close(descriptor)
    return above
