"""Files that a program left and lines that it printed, kept under a key for an equal later job.

The files lie by their digests, each once; what no longer has its digest is noticed and forgotten. Several processes may
share one folder. Nothing here knows what a job is.
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
"""The stream it was printed to, and its text."""


class CorruptEntry(Exception):
    """What was kept is not what was put there, or is gone."""


@dataclass(frozen=True)
class KeptFile:
    path: str
    digest: str
    size: int
    mode: int
    modified: int
    """Nanoseconds."""


@dataclass(frozen=True)
class Result:
    about: Mapping[str, Any]
    files: tuple[KeptFile, ...]
    lines: tuple[Line, ...]


class ResultCache:
    """At most ``limit`` bytes of files; what was not used for longest goes first."""

    def __init__(self, folder: Path, limit: int) -> None:
        self._files = folder / "files"
        self._entries = folder / "entries"
        self._incoming = folder / "incoming"
        self._lock = folder / "lock"
        self._limit = limit

    def find(self, key: str) -> Result | None:
        """``CorruptEntry`` when there was one."""
        file = self._entry(key)
        try:
            digest, _, text = file.read_text(encoding="utf-8").partition("\n")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise CorruptEntry(f"{file}: {error}") from error
        if digest != hashlib.sha256(text.encode()).hexdigest():
            raise CorruptEntry(f"{file} was changed")
        told = json.loads(text)
        return Result(
            told["about"],
            tuple(KeptFile(**each) for each in told["files"]),
            tuple((stream, line) for stream, line in told["lines"]),
        )

    def take_out(self, key: str, result: Result, root: Path) -> None:
        """Its files, copied below ``root``; ``CorruptEntry`` when one is not what it was."""
        with self._held(fcntl.LOCK_SH):
            for kept in result.files:
                try:
                    path = below(root, kept.path)
                except UnsafeName as error:
                    raise CorruptEntry(f"{kept.path!r}: {error}") from error
                path.parent.mkdir(parents=True, exist_ok=True)
                source = self._file(kept.digest)
                try:
                    opened = source.open("rb")
                except OSError as error:
                    raise CorruptEntry(f"{source}: {error}") from error
                with opened, path.open("wb") as target:
                    if _copied(opened, target) != kept.digest:
                        raise CorruptEntry(f"{source} was changed")
                path.chmod(kept.mode & MODES)
                os.utime(path, ns=(kept.modified, kept.modified))
            with contextlib.suppress(OSError):
                os.utime(self._entry(key))

    def put(self, key: str, about: Mapping[str, Any], files: Mapping[str, JobFile], lines: Sequence[Line]) -> None:
        """Keep a result, unless its files are larger than the limit.

        Raises ``OSError`` when there is no room or a file cannot be read; nothing of the result is found then.
        """
        if sum(file.size for file in files.values()) > self._limit:
            return
        for folder in (self._files, self._entries, self._incoming):
            folder.mkdir(parents=True, exist_ok=True)
        with self._held(fcntl.LOCK_SH):
            kept = [asdict(self._keep(path, file)) for path, file in files.items()]
            text = json.dumps({"about": dict(about), "files": kept, "lines": [list(line) for line in lines]})
            self._write(self._entry(key), f"{hashlib.sha256(text.encode()).hexdigest()}\n{text}".encode())
        self._prune()

    def forget(self, key: str, result: Result | None = None) -> None:
        """The files as well, for one of them is spoiled and would be taken for whole by the next ``put``."""
        with contextlib.suppress(OSError):
            self._entry(key).unlink()
            for kept in result.files if result else ():
                self._file(kept.digest).unlink(missing_ok=True)

    def _keep(self, path: str, file: JobFile) -> KeptFile:
        draft = self._incoming / uuid4().hex
        try:
            with file.open() as source, draft.open("wb") as target:
                facts = os.fstat(source.fileno())
                digest = _copied(source, target)
            place = self._file(digest)
            place.parent.mkdir(exist_ok=True)
            draft.replace(place)
        finally:
            draft.unlink(missing_ok=True)
        return KeptFile(path, digest, facts.st_size, facts.st_mode & MODES, facts.st_mtime_ns)

    def _write(self, place: Path, data: bytes) -> None:
        draft = self._incoming / uuid4().hex
        try:
            draft.write_bytes(data)
            draft.replace(place)
        finally:
            draft.unlink(missing_ok=True)

    def _prune(self) -> None:
        """Down to the limit. Alone: nobody takes out or puts in meanwhile."""
        if self._size() <= self._limit:
            return
        with self._held(fcntl.LOCK_EX):
            for left in self._incoming.iterdir():
                left.unlink()
            entries = sorted(self._entries.iterdir(), key=lambda file: file.stat().st_mtime_ns, reverse=True)
            wanted: dict[str, int] = {}
            for entry in entries:
                try:
                    found = self.find(entry.name)
                except CorruptEntry:
                    found = None
                more = {kept.digest: kept.size for kept in found.files} if found else {}
                if found is None or sum({**wanted, **more}.values()) > self._limit:
                    entry.unlink()
                else:
                    wanted.update(more)
            for file in self._files.glob("*/*"):
                if file.name not in wanted:
                    file.unlink()

    def _size(self) -> int:
        return sum(file.stat().st_size for file in self._files.glob("*/*"))

    def _entry(self, key: str) -> Path:
        return self._entries / key

    def _file(self, digest: str) -> Path:
        return self._files / digest[:2] / digest

    @contextlib.contextmanager
    def _held(self, how: int) -> Iterator[None]:
        self._lock.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(lock, how)
            yield
        finally:
            os.close(lock)


def _copied(source: BinaryIO, target: BinaryIO) -> str:
    """The SHA-256 of what was copied."""
    digest = hashlib.sha256()
    while block := source.read(BLOCK):
        digest.update(block)
        target.write(block)
    return digest.hexdigest()
