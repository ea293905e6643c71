"""One log stream on disk: lines of ``<13 digits of ms> <message>``, and an index file with every 1024th event.

Appending is O(1) and visible at once. Reading from any position or time reads at most 1024 events too many. A line that
a killed process left unfinished is dropped when the stream is next opened. Times never go back within a stream.
"""

from __future__ import annotations

import bisect
import contextlib
import os
import struct
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from harness.stores.logs import LogEvent

STEP = 1024
ENTRY = struct.Struct("<QQ")
DIGITS = 13
HEAD = DIGITS + 1


class StreamFacts(NamedTuple):
    events: int
    first: int | None
    last: int | None
    created: int
    """The time of creation in milliseconds since the epoch."""
    size: int


class LogFile:
    """The file of one log stream. Thread-safe. Positions are numbers of events and stay valid."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._index_path = path.with_suffix(".idx")
        self._lock = threading.Lock()
        self._descriptor: int | None = None
        self._index_descriptor: int | None = None
        self._offsets: list[int] = []
        self._times: list[int] = []
        self.events = 0
        self.size = 0
        self._first: int | None = None
        self._last: int | None = None
        self._recover()

    def append(self, timestamp: int, lines: Sequence[bytes]) -> int:
        """Append lines and return their time: ``timestamp``, or the time of the last event if that is later."""
        with self._lock:
            moment = max(timestamp, self._last or 0)
            head = b"%013d " % moment
            data = b"".join([part for line in lines for part in (head, line, b"\n")])
            self._index(moment, lines)
            self._write(data)
            self.events += len(lines)
            self.size += len(data)
            self._first = moment if self._first is None else self._first
            self._last = moment
        return moment

    def facts(self) -> StreamFacts:
        created = int(self.path.stat().st_ctime * 1000) if self._first is None else self._first
        return StreamFacts(self.events, self._first, self._last, created, self.size)

    def read(self, start: int = 0) -> Iterator[LogEvent]:
        """Yield the present events from position ``start`` on. Events appended later are not read."""
        with self._lock:
            events, size = self.events, self.size
            entry = min(start // STEP, len(self._offsets) - 1)
            offset = self._offsets[entry] if entry >= 0 else 0
        if start >= events:
            return
        with self.path.open("rb") as source:
            source.seek(offset)
            for _ in range(start - max(entry, 0) * STEP):
                source.readline()
            while source.tell() < size:
                line = source.readline()
                yield LogEvent(int(line[:DIGITS]), line[HEAD:-1].decode("utf-8", "replace"))

    def position_at(self, timestamp: int) -> int:
        """Return the position of the first event that is not earlier than ``timestamp``."""
        with self._lock:
            entry = max(bisect.bisect_left(self._times, timestamp) - 1, 0)
        position = entry * STEP
        for event in self.read(position):
            if event.timestamp >= timestamp:
                return position
            position += 1
        return position

    def close(self) -> None:
        with self._lock:
            for descriptor in (self._descriptor, self._index_descriptor):
                if descriptor is not None:
                    os.close(descriptor)
            self._descriptor = self._index_descriptor = None

    def _index(self, moment: int, lines: Sequence[bytes]) -> None:
        """Index every 1024th event."""
        until = -self.events % STEP
        if until >= len(lines):
            return
        offset = self.size
        fresh = []
        for number, line in enumerate(lines):
            if number % STEP == until % STEP and number >= until:
                fresh.append(ENTRY.pack(offset, moment))
                self._offsets.append(offset)
                self._times.append(moment)
            offset += HEAD + len(line) + 1
        if self._index_descriptor is None:
            self._index_descriptor = _open_for_append(self._index_path)
        with contextlib.suppress(OSError):  # an incomplete index is rebuilt from the text
            os.write(self._index_descriptor, b"".join(fresh))

    def _write(self, data: bytes) -> None:
        if self._descriptor is None:
            self._descriptor = _open_for_append(self.path)
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._descriptor, view) :]
        except OSError:  # a full disk: remove what was written, so that offsets stay correct
            os.ftruncate(self._descriptor, self.size)
            kept = bisect.bisect_left(self._offsets, self.size)
            del self._offsets[kept:], self._times[kept:]
            os.truncate(self._index_path, kept * ENTRY.size)
            raise

    def _recover(self) -> None:
        """Count the events with the index, and read those after its last entry. Repair what a killed process left."""
        self.path.touch()
        length = self.path.stat().st_size
        entries = self._index_path.read_bytes() if self._index_path.exists() else b""
        whole = len(entries) // ENTRY.size * ENTRY.size
        known = [entry for entry in ENTRY.iter_unpack(entries[:whole]) if entry[0] < length]
        # The last entry may belong to a line that was not written, so it is made again from the text.
        for offset, moment in known[:-1]:
            self._offsets.append(offset)
            self._times.append(moment)
        self.events = len(self._offsets) * STEP
        self.size = known[-1][0] if known else 0
        with self.path.open("rb") as source:
            self._first = _moment(source.readline())
            source.seek(self.size)
            for line in source:
                if not line.endswith(b"\n"):
                    break
                moment = int(line[:DIGITS])
                if self.events % STEP == 0:
                    self._offsets.append(self.size)
                    self._times.append(moment)
                self.events += 1
                self.size += len(line)
                self._last = moment
        if self.size < length:
            os.truncate(self.path, self.size)
        index = b"".join(ENTRY.pack(*pair) for pair in zip(self._offsets, self._times, strict=True))
        if index != entries:
            self._index_path.write_bytes(index)


def _moment(line: bytes) -> int | None:
    return int(line[:DIGITS]) if line.endswith(b"\n") else None


def _open_for_append(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_CLOEXEC", 0), 0o644)
