"""``ResultCache``: output files and printed lines of programs, stored under a key for an equal later job.

Files are stored once, by their digest; a file that no longer has its digest is noticed. Several processes may share one
folder. Nothing in this module depends on SageMaker jobs.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO
from uuid import uuid4

from harness.kernel.job_files import MODES, JobFile
from harness.kernel.safe_paths import UnsafeName, below

BLOCK = 1 << 20
Line = tuple[str, str]
"""The stream to which a line was printed, and its text."""


class CorruptEntry(Exception):
    """A stored file or entry was changed or is missing."""


@dataclass(frozen=True)
class StoredFile:
    path: str
    digest: str
    size: int
    mode: int
    modified: int
    """The time of the last change in nanoseconds since the epoch."""


@dataclass(frozen=True)
class Result:
    about: Mapping[str, Any]
    files: tuple[StoredFile, ...]
    lines: tuple[Line, ...]


class ResultCache:
    """An LRU cache of at most ``limit`` bytes of files."""

    def __init__(self, folder: Path, limit: int) -> None:
        self._files = folder / "files"
        self._entries = folder / "entries"
        self._incoming = folder / "incoming"
        self._lock = folder / "lock"
        self._limit = limit

    def find(self, key: str) -> Result | None:
        """Return the result of a key, or None. Raise ``CorruptEntry`` if its entry was changed or cannot be read."""
        file = self._entry(key)
        try:
            digest, _, text = file.read_text(encoding="utf-8").partition("\n")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise CorruptEntry(f"{file}: {error}") from error
        if digest != hashlib.sha256(text.encode()).hexdigest():
            raise CorruptEntry(f"{file} was changed")
        document = json.loads(text)
        return Result(
            document["about"],
            tuple(StoredFile(**each) for each in document["files"]),
            tuple((stream, line) for stream, line in document["lines"]),
        )

    def take_out(self, key: str, result: Result, root: Path) -> None:
        """Copy the files of a result below ``root``. Raise ``CorruptEntry`` if a file was changed or is missing."""
        with self._hold_lock(fcntl.LOCK_SH):
            for stored in result.files:
                try:
                    path = below(root, stored.path)
                except UnsafeName as error:
                    raise CorruptEntry(f"{stored.path!r}: {error}") from error
                path.parent.mkdir(parents=True, exist_ok=True)
                source = self._file(stored.digest)
                try:
                    stream = source.open("rb")
                except OSError as error:
                    raise CorruptEntry(f"{source}: {error}") from error
                with stream, path.open("wb") as target:
                    if _copy(stream, target) != stored.digest:
                        raise CorruptEntry(f"{source} was changed")
                path.chmod(stored.mode & MODES)
                os.utime(path, ns=(stored.modified, stored.modified))
            with contextlib.suppress(OSError):
                os.utime(self._entry(key))

    def put(self, key: str, about: Mapping[str, Any], files: Mapping[str, JobFile], lines: Sequence[Line]) -> None:
        """Store a result, unless its files are larger than the limit.

        Raises ``OSError`` if the disk is full or a file cannot be read. Then the key has no result.
        """
        if sum(file.size for file in files.values()) > self._limit:
            return
        for folder in (self._files, self._entries, self._incoming):
            folder.mkdir(parents=True, exist_ok=True)
        with self._hold_lock(fcntl.LOCK_SH):
            stored = [asdict(self._store(path, file)) for path, file in files.items()]
            text = json.dumps({"about": dict(about), "files": stored, "lines": [list(line) for line in lines]})
            self._write(self._entry(key), f"{hashlib.sha256(text.encode()).hexdigest()}\n{text}".encode())
        self._prune()

    def forget(self, key: str, result: Result | None = None) -> None:
        """Delete an entry and the files of ``result``: one is damaged, and ``put`` would use it again."""
        with contextlib.suppress(OSError):
            self._entry(key).unlink()
            for stored in result.files if result else ():
                self._file(stored.digest).unlink(missing_ok=True)

    def _store(self, path: str, file: JobFile) -> StoredFile:
        draft = self._incoming / uuid4().hex
        try:
            with file.open() as source, draft.open("wb") as copy:
                facts = os.fstat(source.fileno())
                digest = _copy(source, copy)
            target = self._file(digest)
            target.parent.mkdir(exist_ok=True)
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)
        return StoredFile(path, digest, facts.st_size, facts.st_mode & MODES, facts.st_mtime_ns)

    def _write(self, target: Path, data: bytes) -> None:
        draft = self._incoming / uuid4().hex
        try:
            draft.write_bytes(data)
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)

    def _prune(self) -> None:
        """Delete the entries that were not used for longest, down to the limit. Locks out other readers and writers."""
        if self._size() <= self._limit:
            return
        with self._hold_lock(fcntl.LOCK_EX):
            for draft in self._incoming.iterdir():
                draft.unlink()
            entries = sorted(self._entries.iterdir(), key=lambda file: file.stat().st_mtime_ns, reverse=True)
            needed: dict[str, int] = {}
            for entry in entries:
                try:
                    result = self.find(entry.name)
                except CorruptEntry:
                    result = None
                more = {stored.digest: stored.size for stored in result.files} if result else {}
                if result is None or sum({**needed, **more}.values()) > self._limit:
                    entry.unlink()
                else:
                    needed.update(more)
            for file in self._files.glob("*/*"):
                if file.name not in needed:
                    file.unlink()

    def _size(self) -> int:
        return sum(file.stat().st_size for file in self._files.glob("*/*"))

    def _entry(self, key: str) -> Path:
        return self._entries / key

    def _file(self, digest: str) -> Path:
        return self._files / digest[:2] / digest

    @contextlib.contextmanager
    def _hold_lock(self, how: int) -> Iterator[None]:
        self._lock.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(lock, how)
            yield
        finally:
            os.close(lock)


def _copy(source: BinaryIO, target: BinaryIO) -> str:
    """Copy a stream and return the SHA-256 of its content."""
    digest = hashlib.sha256()
    while block := source.read(BLOCK):
        digest.update(block)
        target.write(block)
    return digest.hexdigest()
