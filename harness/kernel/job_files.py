"""Reads and moves files that a job's program wrote, without trusting them.

A program may put links, FIFOs and devices among its results and replace them while they are read. So each part of a
path is opened by descriptor, without blocking, and only a regular file is read, from the descriptor that was checked.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from harness.kernel import folder_descriptors as descriptors
from harness.kernel.safe_paths import MOST_PARTS

MODES = 0o777
"""The mode bits that a copy keeps: set-user-id, set-group-id and sticky are dropped."""
_NOT_REGULAR = (errno.ELOOP, errno.EMLINK, errno.ENXIO, errno.ENODEV, errno.EISDIR, errno.ENOTDIR, errno.EOPNOTSUPP)
"""Error numbers of opening links (EMLINK on BSD), sockets and devices, and paths with a link in the middle."""


class NotRegular(OSError):
    """The name is a link, FIFO, socket, device or folder, or lies behind a link."""


class TooDeep(OSError):
    """Folders are nested more deeply than harness reads."""


@dataclass(frozen=True, order=True)
class JobFile:
    """A regular file that a program left. ``name`` is its path below ``root``, with slashes."""

    root: Path
    name: str
    size: int = 0
    allocated: int = 0
    """Bytes that the file takes on disk: less than its size if it is sparse."""
    modified: int = 0
    """The time of its last change in nanoseconds since 1970."""

    def open(self) -> BinaryIO:
        """Open the file. Raise ``NotRegular`` if its name is no longer that of a regular file."""
        return open_file(self.root, self.name)

    def read(self, limit: int) -> bytes:
        with self.open() as stream:
            return stream.read(limit)

    def lines(self, limit: int) -> list[str]:
        """Return the lines of the first ``limit`` bytes; none if the file is gone or no longer regular."""
        try:
            return self.read(limit).decode(errors="replace").splitlines()
        except (FileNotFoundError, NotRegular):
            return []


def open_file(root: Path, name: str) -> BinaryIO:
    """Open a regular file below ``root`` for reading. Raises ``NotRegular`` or ``FileNotFoundError``."""
    *folders, last = name.split("/")
    try:
        with descriptors.open_below(root, folders) as folder:
            descriptor = descriptors.open_file(last, folder)
    except OSError as error:
        if error.errno in _NOT_REGULAR:
            raise NotRegular(error.errno, "not a regular file", name) from error
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise NotRegular(errno.EINVAL, "not a regular file", name)
    return os.fdopen(descriptor, "rb")


def find_file(root: Path, name: str) -> JobFile | None:
    """Return the regular file of that name; None if there is none or a link leads to it."""
    try:
        with open_file(root, name) as stream:
            return _job_file(root, name, os.fstat(stream.fileno()))
    except (FileNotFoundError, NotRegular):
        return None


def walk(root: Path, folder: str) -> Iterator[JobFile]:
    """Yield the regular files below a folder of ``root``, in no order; none if it is missing or a link.

    Raises ``TooDeep`` when folders lie deeper than a key of S3 can have parts.
    """
    top = tuple(part for part in folder.split("/") if part)
    waiting = [top]
    while waiting:
        parts = waiting.pop()
        _check_depth(parts, len(top))
        try:
            with descriptors.open_below(root, parts) as descriptor:
                for name, facts in _list_entries(descriptor):
                    if stat.S_ISDIR(facts.st_mode):
                        waiting.append((*parts, name))
                    elif stat.S_ISREG(facts.st_mode):
                        yield _job_file(root, "/".join((*parts, name)), facts)
        except OSError as error:
            if not isinstance(error, FileNotFoundError) and error.errno not in _NOT_REGULAR:
                raise


def move_into(file: JobFile, root: Path) -> None:
    """Move a file to the same name below another root. Do nothing if that name exists there already.

    Raises ``NotRegular`` if a folder on the way is a link.
    """
    *folders, last = file.name.split("/")
    try:
        with (
            descriptors.open_below(file.root, folders) as source,
            descriptors.open_below(root, folders, make=True) as target,
        ):
            try:
                os.stat(last, dir_fd=target, follow_symlinks=False)
            except FileNotFoundError:
                os.rename(last, last, src_dir_fd=source, dst_dir_fd=target)
    except OSError as error:
        if error.errno in _NOT_REGULAR:
            raise NotRegular(error.errno, "not a folder", file.name) from error
        raise


def remove_links(root: Path) -> None:
    """Remove everything below ``root`` that is neither a regular file nor a folder.

    Called before the folder is given to code that would follow links.

    Raises ``TooDeep`` as ``walk`` does.
    """
    waiting: list[tuple[str, ...]] = [()]
    while waiting:
        parts = waiting.pop()
        _check_depth(parts, 0)
        with descriptors.open_below(root, parts) as descriptor:
            for name, facts in _list_entries(descriptor):
                if stat.S_ISDIR(facts.st_mode):
                    waiting.append((*parts, name))
                elif not stat.S_ISREG(facts.st_mode):
                    os.unlink(name, dir_fd=descriptor)


def has_foreign_files(folder: Path, uid: int) -> bool:
    """Return True if anything in a folder belongs to another user, or if part of the folder cannot be read."""
    if folder.lstat().st_uid != uid:
        return True
    waiting: list[tuple[str, ...]] = [()]
    while waiting:
        parts = waiting.pop()
        try:
            with descriptors.open_below(folder, parts) as descriptor:
                listed = _list_entries(descriptor)
        except OSError as error:
            if isinstance(error, FileNotFoundError) or error.errno in _NOT_REGULAR:
                continue
            return True
        if len(parts) >= MOST_PARTS or any(facts.st_uid != uid for _, facts in listed):
            return True
        waiting += [(*parts, name) for name, facts in listed if stat.S_ISDIR(facts.st_mode)]
    return False


def _check_depth(parts: tuple[str, ...], top: int) -> None:
    if len(parts) - top > MOST_PARTS:
        where = "/".join(parts[: top + 1])
        raise TooDeep(errno.ENAMETOOLONG, f"folders are nested more than {MOST_PARTS} deep", where)


def _list_entries(descriptor: int) -> list[tuple[str, os.stat_result]]:
    """List an open folder. Returns a list and no iterator, so that no descriptor stays open between two items."""
    entries = []
    with os.scandir(descriptor) as scan:
        for entry in scan:
            try:
                entries.append((entry.name, entry.stat(follow_symlinks=False)))
            except FileNotFoundError:  # the program removed it meanwhile
                continue
    return entries


def _job_file(root: Path, name: str, facts: os.stat_result) -> JobFile:
    return JobFile(root, name, facts.st_size, facts.st_blocks * 512, facts.st_mtime_ns)
