"""``JobLogs`` in files under ``<state>/logs``: what jobs and servers print, in the form CloudWatch shows it.

The platform escapes control characters of output (a tab becomes ``#011``, a carriage return ``#015``) before
CloudWatch, metric regexes or anyone else sees a line; the files hold that form. Bytes that are not UTF-8 are replaced.
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
"""CloudWatch's limit: longer lines are cut into events of this size."""
RESERVE = 8 << 20
"""Bytes of the disk that programs' output leaves alone: records and the ends of jobs need room too."""
CONTROL = re.compile(rb"[\x00-\x09\x0b-\x1f\x7f]")
LONGEST_NAME = 180
NAME_FILE = "name"

OpenListener = Callable[[str, str, str, str, LogWriter], None]
"""Told of group, stream, account and region, and given the writer."""


class StreamPlace(NamedTuple):
    """The names that a stream has in CloudWatch Logs."""

    account: str
    region: str
    group: str
    stream: str


class StoredLogs(JobLogs, Protocol):
    """What CloudWatch Logs needs beyond ``JobLogs`` to answer from the files."""

    def groups(self, account: str, region: str) -> list[str]: ...

    def facts(self, group: str, stream: str, account: str, region: str) -> StreamFacts | None: ...

    def position_at(self, group: str, stream: str, account: str, region: str, timestamp: int) -> int: ...

    def clear(self) -> None: ...

    def on_open(self, listener: OpenListener) -> None:
        """Be told of every stream that is opened for writing from now on."""


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
        _keep_name(path.with_suffix(".name"), path.stem, stream)
        writer = _Writer(self._file(path), self._limit, self._now)
        for listener in self._open_listeners:
            listener(group, stream, account, region, writer)
        return writer

    def on_open(self, listener: OpenListener) -> None:
        self._open_listeners.append(listener)

    def ensure_group(self, group: str, account: str, region: str) -> None:
        folder = self._group(group, account, region)
        folder.mkdir(parents=True, exist_ok=True)
        _keep_name(folder / NAME_FILE, folder.name, group)

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

    def places(self) -> list[StreamPlace]:
        """Every stream of every account and region, the one that was written last first."""
        found = []
        for file in self._folder.glob("*/*/*/*.log"):
            group = file.parent
            place = StreamPlace(
                unquote(group.parent.parent.name),
                unquote(group.parent.name),
                _name(group / NAME_FILE, group.name),
                _name(file.with_suffix(".name"), file.stem),
            )
            found.append((file.stat().st_mtime_ns, place))
        return [place for _, place in sorted(found, reverse=True)]

    def read(self, group: str, stream: str, account: str, region: str, start: int = 0) -> Iterator[LogEvent]:
        file = self._existing(group, stream, account, region)
        return file.read(start) if file is not None else iter(())

    def facts(self, group: str, stream: str, account: str, region: str) -> StreamFacts | None:
        file = self._existing(group, stream, account, region)
        return file.facts() if file is not None else None

    def position_at(self, group: str, stream: str, account: str, region: str, timestamp: int) -> int:
        file = self._existing(group, stream, account, region)
        return file.position_at(timestamp) if file is not None else 0

    def delete_group(self, group: str, account: str, region: str) -> None:
        folder = self._group(group, account, region)
        self._forget(lambda path: path.parent == folder)
        shutil.rmtree(folder, ignore_errors=True)

    def delete_stream(self, group: str, stream: str, account: str, region: str) -> None:
        gone = self._path(group, stream, account, region)
        self._forget(lambda path: path == gone)
        for suffix in (".log", ".idx", ".name"):
            gone.with_suffix(suffix).unlink(missing_ok=True)

    def clear(self) -> None:
        """Forget every log of every account."""
        self._forget(lambda path: True)
        shutil.rmtree(self._folder, ignore_errors=True)

    def close(self) -> None:
        self._forget(lambda path: True)

    def _group(self, group: str, account: str, region: str) -> Path:
        return self._region(account, region) / _encoded(group)

    def _region(self, account: str, region: str) -> Path:
        return self._folder / _encoded(account) / _encoded(region)

    def _path(self, group: str, stream: str, account: str, region: str) -> Path:
        return self._group(group, account, region) / (_encoded(stream) + ".log")

    def _existing(self, group: str, stream: str, account: str, region: str) -> LogFile | None:
        path = self._path(group, stream, account, region)
        return self._file(path) if path.exists() else None

    def _file(self, path: Path) -> LogFile:
        with self._lock:
            file = self._files.get(path)
            if file is None:
                file = self._files[path] = LogFile(path)
            return file

    def _forget(self, chosen: Callable[[Path], bool]) -> None:
        with self._lock:
            for path in [path for path in self._files if chosen(path)]:
                self._files.pop(path).close()


class _Writer:
    """Of one stream; several may write to the same one, each its own unfinished line."""

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
            self._append([escaped(line) for line in text.encode("utf-8", "replace").split(b"\n")])

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
                self.line(f"[harness] {dropped} further lines were counted, not kept")
            self._file.close()

    def _flush(self) -> None:
        if self._pending:
            pending, self._pending = self._pending, b""
            self._put([pending])

    def _put(self, lines: list[bytes]) -> None:
        if not lines:
            return
        clean = [piece for line in lines for piece in _pieces(escaped(line))]
        if full := self._full():
            if not self._dropped:
                self._append([f"[harness] {full}: further lines are counted, not kept".encode()])
            self._dropped += len(clean)
            self._tell(int(self._now() * 1000), clean)
        else:
            self._append(clean)

    def _full(self) -> str:
        """Why no more is kept; empty when there is room."""
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
        self._tell(moment, lines)

    def _tell(self, moment: int, lines: list[bytes]) -> None:
        if self._listeners:
            for event in [LogEvent(moment, line.decode()) for line in lines]:
                for listener in self._listeners:
                    listener(event)


def escaped(line: bytes) -> bytes:
    """As the platform hands it to CloudWatch: valid UTF-8 without control characters."""
    if CONTROL.search(line):
        line = CONTROL.sub(lambda found: b"#%03o" % found[0][0], line)
    if line.isascii():
        return line
    return line.decode("utf-8", "replace").encode()


def _pieces(line: bytes) -> list[bytes]:
    """Cut to CloudWatch's size, never inside a character."""
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


def _encoded(name: str) -> str:
    """As a file name. What would be too long is shortened and told apart by a digest."""
    text = quote(name, safe="").replace(".", "%2E")
    if len(text) <= LONGEST_NAME:
        return text
    return text[:100] + "~" + hashlib.sha256(name.encode()).hexdigest()[:40]


def _keep_name(path: Path, encoded: str, name: str) -> None:
    if "~" in encoded and unquote(encoded) != name:
        path.write_text(name)


def _name(path: Path, encoded: str) -> str:
    return path.read_text() if "~" in encoded and path.exists() else unquote(encoded)
