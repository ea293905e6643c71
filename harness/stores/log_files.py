"""``JobLogs`` in files under ``<state>/logs``: the output of jobs and servers, as CloudWatch Logs shows it.

SageMaker escapes control characters (a tab becomes ``#011``, a carriage return ``#015``) before CloudWatch and metric
regexes see a line: recorded in CloudWatch logs of training jobs. The files hold the escaped form. Bytes that are not
UTF-8 are replaced.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, Protocol
from urllib.parse import quote, unquote

from harness.stores.log_stream import LogFile, StreamFacts
from harness.stores.logs import JobLogs, LogEvent, LogWriter

MAX_EVENT = 256 * 1024
"""The limit of CloudWatch Logs ("CloudWatch Logs quotas"). Longer lines are cut into events of this size."""
RESERVE = 8 << 20
"""Disk space in bytes that logs do not use, so that records and ends of jobs can still be written."""
CONTROL = re.compile(rb"[\x00-\x09\x0b-\x1f\x7f]")
LONGEST_NAME = 180
NAME_FILE = "name"

OpenListener = Callable[[str, str, str, str, LogWriter], None]
"""A callback with group, stream, account, region and writer of a stream that was opened."""


class StreamKey(NamedTuple):
    """The account, region, group and name of a stream in CloudWatch Logs."""

    account: str
    region: str
    group: str
    stream: str


class StoredLogs(JobLogs, Protocol):
    """The methods that CloudWatch Logs needs beyond those of ``JobLogs``."""

    def groups(self, account: str, region: str) -> list[str]: ...

    def facts(self, group: str, stream: str, account: str, region: str) -> StreamFacts | None: ...

    def position_at(self, group: str, stream: str, account: str, region: str, timestamp: int) -> int: ...

    def clear(self) -> None: ...

    def on_open(self, listener: OpenListener) -> None:
        """Call ``listener`` for every stream that is opened for writing from now on."""


class LogFiles:
    def __init__(self, folder: Path, limit_mb: int = 1024, now: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._limit = limit_mb * 1024 * 1024
        self._now = now
        self._lock = threading.Lock()
        self._files: dict[Path, LogFile] = {}
        self._open_listeners: list[OpenListener] = []

    def open(self, group: str, stream: str, account: str, region: str) -> LogWriter:
        self.ensure_group(group, account, region)
        path = self._path(group, stream, account, region)
        _save_name(path.with_suffix(".name"), path.stem, stream)
        writer = _Writer(self._file(path), self._limit, self._now)
        for listener in self._open_listeners:
            listener(group, stream, account, region, writer)
        return writer

    def on_open(self, listener: OpenListener) -> None:
        self._open_listeners.append(listener)

    def ensure_group(self, group: str, account: str, region: str) -> None:
        folder = self._group(group, account, region)
        folder.mkdir(parents=True, exist_ok=True)
        _save_name(folder / NAME_FILE, folder.name, group)

    def streams(self, group: str, account: str, region: str, prefix: str = "") -> list[str]:
        folder = self._group(group, account, region)
        if not folder.is_dir():
            return []
        with os.scandir(folder) as entries:
            stems = [entry.name[:-4] for entry in entries if entry.name.endswith(".log")]
        names = [_name(folder / f"{stem}.name", stem) for stem in stems]
        return sorted(name for name in names if name.startswith(prefix))

    def groups(self, account: str, region: str) -> list[str]:
        folder = self._region(account, region)
        if not folder.is_dir():
            return []
        return sorted(_name(path / NAME_FILE, path.name) for path in folder.iterdir() if path.is_dir())

    def stream_keys(self) -> list[StreamKey]:
        """Return the streams of all accounts and regions, the last written one first."""
        keys = []
        for file in self._folder.glob("*/*/*/*.log"):
            group = file.parent
            key = StreamKey(
                unquote(group.parent.parent.name),
                unquote(group.parent.name),
                _name(group / NAME_FILE, group.name),
                _name(file.with_suffix(".name"), file.stem),
            )
            keys.append((file.stat().st_mtime_ns, key))
        return [key for _, key in sorted(keys, reverse=True)]

    def read(self, group: str, stream: str, account: str, region: str, start: int = 0) -> Iterator[LogEvent]:
        file = self._find_file(group, stream, account, region)
        return file.read(start) if file is not None else iter(())

    def facts(self, group: str, stream: str, account: str, region: str) -> StreamFacts | None:
        file = self._find_file(group, stream, account, region)
        return file.facts() if file is not None else None

    def position_at(self, group: str, stream: str, account: str, region: str, timestamp: int) -> int:
        file = self._find_file(group, stream, account, region)
        return file.position_at(timestamp) if file is not None else 0

    def delete_group(self, group: str, account: str, region: str) -> None:
        folder = self._group(group, account, region)
        self._close_files(lambda path: path.parent == folder)
        shutil.rmtree(folder, ignore_errors=True)

    def delete_stream(self, group: str, stream: str, account: str, region: str) -> None:
        deleted = self._path(group, stream, account, region)
        self._close_files(lambda path: path == deleted)
        for suffix in (".log", ".idx", ".name"):
            deleted.with_suffix(suffix).unlink(missing_ok=True)

    def clear(self) -> None:
        """Delete all logs of all accounts."""
        self._close_files(lambda path: True)
        shutil.rmtree(self._folder, ignore_errors=True)

    def close(self) -> None:
        self._close_files(lambda path: True)

    def _group(self, group: str, account: str, region: str) -> Path:
        return self._region(account, region) / _encode(group)

    def _region(self, account: str, region: str) -> Path:
        return self._folder / _encode(account) / _encode(region)

    def _path(self, group: str, stream: str, account: str, region: str) -> Path:
        return self._group(group, account, region) / (_encode(stream) + ".log")

    def _find_file(self, group: str, stream: str, account: str, region: str) -> LogFile | None:
        path = self._path(group, stream, account, region)
        return self._file(path) if path.exists() else None

    def _file(self, path: Path) -> LogFile:
        with self._lock:
            file = self._files.get(path)
            if file is None:
                file = self._files[path] = LogFile(path)
            return file

    def _close_files(self, is_closed: Callable[[Path], bool]) -> None:
        with self._lock:
            for path in [path for path in self._files if is_closed(path)]:
                self._files.pop(path).close()


class _Writer:
    """Writes to one stream. Several writers of a stream do not mix their unfinished lines."""

    def __init__(self, file: LogFile, limit: int, now: Callable[[], float]) -> None:
        self._file = file
        self._limit = limit
        self._now = now
        self._lock = threading.RLock()
        self._pending = b""
        self._dropped = 0
        self._listeners: list[Callable[[LogEvent], None]] = []

    def write(self, chunk: bytes) -> None:
        with self._lock:
            data = self._pending + chunk
            whole, _, self._pending = data.rpartition(b"\n")
            lines = whole.split(b"\n") if len(self._pending) < len(data) else []
            if len(self._pending) > MAX_EVENT:
                cut = len(self._pending) // MAX_EVENT * MAX_EVENT
                lines.append(self._pending[:cut])
                self._pending = self._pending[cut:]
            self._put(lines)

    def line(self, text: str) -> None:
        with self._lock:
            self._flush()
            self._append([escape(line) for line in text.encode("utf-8", "replace").split(b"\n")])

    def on_line(self, listener: Callable[[LogEvent], None]) -> None:
        self._listeners.append(listener)

    def tail(self, lines: int = 20) -> list[str]:
        start = max(self._file.events - lines, 0)
        return [event.message for event in self._file.read(start)][-lines:]

    def close(self) -> None:
        with self._lock:
            self._flush()
            dropped, self._dropped = self._dropped, 0
            if dropped:
                self.line(f"[harness] {dropped} further lines were counted and not stored")
            self._file.close()

    def _flush(self) -> None:
        if self._pending:
            pending, self._pending = self._pending, b""
            self._put([pending])

    def _put(self, lines: list[bytes]) -> None:
        if not lines:
            return
        clean = [piece for line in lines for piece in _pieces(escape(line))]
        if full := self._why_full():
            if not self._dropped:
                self._append([f"[harness] {full}: further lines are counted and not stored".encode()])
            self._dropped += len(clean)
            self._notify(int(self._now() * 1000), clean)
        else:
            self._append(clean)

    def _why_full(self) -> str:
        """Return why no more lines are stored; empty if there is room."""
        if self._file.size >= self._limit:
            return f"This stream holds {self._limit >> 20} MB, the limit"
        if shutil.disk_usage(self._file.path.parent).free < RESERVE:
            return "The disk of the state folder is almost full"
        return ""

    def _append(self, lines: list[bytes]) -> None:
        moment = int(self._now() * 1000)
        try:
            moment = self._file.append(moment, lines)
        except OSError:  # a full disk must not stop the program whose output this is
            self._dropped += len(lines)
        self._notify(moment, lines)

    def _notify(self, moment: int, lines: list[bytes]) -> None:
        if self._listeners:
            for event in [LogEvent(moment, line.decode()) for line in lines]:
                for listener in self._listeners:
                    listener(event)


def escape(line: bytes) -> bytes:
    """Return the line as SageMaker sends it to CloudWatch: valid UTF-8 without control characters."""
    if CONTROL.search(line):
        line = CONTROL.sub(lambda match: b"#%03o" % match[0][0], line)
    if line.isascii():
        return line
    return line.decode("utf-8", "replace").encode()


def _pieces(line: bytes) -> list[bytes]:
    """Cut a line into events of CloudWatch's size, never inside a character."""
    if len(line) <= MAX_EVENT:
        return [line]
    pieces = []
    while line:
        end = MAX_EVENT
        while end < len(line) and line[end] & 0xC0 == 0x80:
            end -= 1
        pieces.append(line[:end])
        line = line[end:]
    return pieces


def _encode(name: str) -> str:
    """Return a file name for a name. A name that would be too long is shortened and gets a digest."""
    text = quote(name, safe="").replace(".", "%2E")
    if len(text) <= LONGEST_NAME:
        return text
    return text[:100] + "~" + hashlib.sha256(name.encode()).hexdigest()[:40]


def _save_name(path: Path, encoded: str, name: str) -> None:
    if "~" in encoded and unquote(encoded) != name:
        path.write_text(name)


def _name(path: Path, encoded: str) -> str:
    return path.read_text() if "~" in encoded and path.exists() else unquote(encoded)
