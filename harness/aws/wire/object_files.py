"""The bytes of S3 objects and parts, as immutable files under ``<state>/s3``. Does not depend on keys and buckets.

A file is written in ``incoming/`` and renamed into ``objects/`` when whole. It goes when it is both doomed (no row
refers to it) and no longer held by anyone (a download or a copy in progress holds it).
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import shutil
import threading
import uuid
from collections.abc import Container, Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from harness.kernel.removal import remove_tree

BLOCK = 1024 * 1024

MOST_UNFINISHED = 64
"""The most files without a row that a kill during writes can leave."""

logger = logging.getLogger(__name__)


class StoredFile:
    """One file in ``objects/``. Copying it returns the same instance, because it counts its users."""

    __slots__ = ("_doomed", "_holders", "_text", "name")
    _lock = threading.Lock()

    def __init__(self, folder: str, name: str) -> None:
        self.name = name
        self._text = f"{folder}/{name[:2]}/{name}"
        self._doomed = False
        self._holders = 0

    @property
    def path(self) -> Path:
        return Path(self._text)  # not stored, since there is one instance for each object

    def __deepcopy__(self, memo: dict[int, Any]) -> StoredFile:
        return self

    def doom(self) -> None:
        with self._lock:
            self._doomed = True
        self._leave()

    def hold(self) -> None:
        with self._lock:
            self._holders += 1

    def release(self) -> None:
        with self._lock:
            self._holders -= 1
        self._leave()

    def _leave(self) -> None:
        if self._doomed and self._holders == 0:
            with contextlib.suppress(OSError):
                self.path.unlink()


class FileSlice:
    """A slice of a stored file, used where moto expects the bytes of an object."""

    __slots__ = ("etag", "file", "length", "offset")

    def __init__(self, file: StoredFile, offset: int, length: int, etag: str | None = None) -> None:
        self.file = file
        self.offset = offset
        self.length = length
        self.etag = etag

    def __len__(self) -> int:
        return self.length

    def __bool__(self) -> bool:
        return True  # moto replaces a false value by b"", which would lose the file of an empty object

    def __getitem__(self, item: slice) -> FileSlice:
        start, stop, step = item.indices(self.length)
        if step != 1:
            raise ValueError("a slice of an object is contiguous")
        return FileSlice(self.file, self.offset + start, max(stop - start, 0))

    def __deepcopy__(self, memo: dict[int, Any]) -> FileSlice:
        return self

    def blocks(self) -> Iterator[bytes]:
        with self.file.path.open("rb") as source:
            source.seek(self.offset)
            left = self.length
            while left > 0:
                block = source.read(min(BLOCK, left))
                if not block:
                    raise OSError(f"{self.file.path} is shorter than its row says")
                left -= len(block)
                yield block

    def read(self) -> bytes:
        return b"".join(self.blocks())


class ReceivedFile(FileSlice):
    """A new file that no key owns yet. The first key that takes it becomes its owner."""

    __slots__ = ("checksums", "taken")

    def __init__(self, file: StoredFile, length: int, etag: str, checksums: dict[str, str] | None = None) -> None:
        super().__init__(file, 0, length, etag)
        self.taken = False
        self.checksums = checksums or {}

    def discard(self) -> None:
        """Delete the file of an upload that was refused."""
        if not self.taken:
            self.file.doom()


@contextlib.contextmanager
def retain_files(pieces: Iterable[FileSlice]) -> Iterator[None]:
    """Keep the files of slices on disk while they are read, even if their objects are deleted."""
    files = [piece.file for piece in pieces]
    for file in files:
        file.hold()
    try:
        yield
    finally:
        for file in files:
            file.release()


class ObjectFiles:
    def __init__(self, root: Path) -> None:
        self._objects = root / "objects"
        self._incoming = root / "incoming"
        self._folder = str(self._objects)
        self._made: set[str] = set()
        self._objects.mkdir(parents=True, exist_ok=True)
        self._incoming.mkdir(parents=True, exist_ok=True)

    def temporary(self) -> Path:
        return self._incoming / uuid.uuid4().hex

    def adopt(self, temporary: Path) -> StoredFile:
        """Move a complete file to ``objects/``."""
        file = self._new_file()
        temporary.replace(file.path)
        return file

    def file_of_row(self, name: str) -> StoredFile:
        """Return the file that a row names."""
        return StoredFile(self._folder, name)

    def write(self, data: bytes) -> ReceivedFile:
        temporary = self.temporary()
        temporary.write_bytes(data)
        return ReceivedFile(self.adopt(temporary), len(data), hashlib.md5(data, usedforsecurity=False).hexdigest())

    def upload(self, source: BinaryIO) -> ReceivedFile:
        """Copy an open file, and compute its MD5."""
        temporary = self.temporary()
        digest = hashlib.md5(usedforsecurity=False)
        size = 0
        try:
            with temporary.open("wb") as writer:
                while block := source.read(BLOCK):
                    digest.update(block)
                    writer.write(block)
                    size += len(block)
            return ReceivedFile(self.adopt(temporary), size, digest.hexdigest())
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise

    def duplicate(self, piece: FileSlice) -> ReceivedFile:
        """Return a new file with the same bytes. A whole file is hard-linked, since files are never changed."""
        if piece.offset == 0 and piece.length == piece.file.path.stat().st_size:
            file = self._new_file()
            try:
                os.link(piece.file.path, file.path)
            except OSError:
                shutil.copyfile(piece.file.path, file.path)
            return ReceivedFile(file, piece.length, piece.etag or md5_of(piece))
        return self.join([piece], piece.etag)

    def join(self, pieces: Iterable[FileSlice], etag: str | None = None) -> ReceivedFile:
        """Return one new file with all pieces in order."""
        temporary = self.temporary()
        size = 0
        try:
            with temporary.open("wb") as writer:
                for piece in pieces:
                    copy_range(piece, writer.fileno())
                    size += piece.length
            file = self.adopt(temporary)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        return ReceivedFile(file, size, md5_of(FileSlice(file, 0, size)) if etag is None else etag)

    def sweep(self, known: Container[str]) -> int:
        """Remove what interrupted writes left: everything in ``incoming/``, and files that no row names.

        A kill leaves at most a few such files. If there are many, rows were lost: the files are kept, with a warning.
        What the emulator does not make is kept as well: files beside the folders of objects, and folders within them.
        """
        remove_tree(self._incoming)  # which follows no link
        self._incoming.mkdir()
        with os.scandir(self._objects) as entries:
            folders = [Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False)]
        left = [path for folder in folders for path in _files_in(folder) if path.name not in known]
        if len(left) > MOST_UNFINISHED:
            logger.warning(
                "%d files of objects in %s have no entry in the database and are kept; if it was damaged, put it "
                "back from a copy",
                len(left),
                self._folder,
            )
            return 0
        for path in left:
            path.unlink(missing_ok=True)
        return len(left)

    def clear(self) -> None:
        for folder in (self._objects, self._incoming):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True, exist_ok=True)
        self._made.clear()

    def _new_file(self) -> StoredFile:
        name = uuid.uuid4().hex
        if name[:2] not in self._made:
            (self._objects / name[:2]).mkdir(exist_ok=True)
            self._made.add(name[:2])
        return StoredFile(self._folder, name)


def _files_in(folder: Path) -> list[Path]:
    with os.scandir(folder) as entries:
        return [Path(entry.path) for entry in entries if not entry.is_dir(follow_symlinks=False)]


def md5_of(piece: FileSlice) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    for block in piece.blocks():
        digest.update(block)
    return digest.hexdigest()


def copy_range(piece: FileSlice, target: int) -> None:
    """Append the piece to an open file, inside the kernel where it can be done (a reflink on some file systems)."""
    with piece.file.path.open("rb") as reader:
        source, offset, left = reader.fileno(), piece.offset, piece.length
        while left > 0:
            copied = _copy_some(source, target, offset, left)
            if not copied:
                raise OSError(f"{piece.file.path} is shorter than its row says")
            offset += copied
            left -= copied


def _copy_some(source: int, target: int, offset: int, length: int) -> int:
    if hasattr(os, "copy_file_range"):
        with contextlib.suppress(OSError):
            return os.copy_file_range(source, target, length, offset)
    return os.write(target, os.pread(source, min(length, BLOCK), offset))
