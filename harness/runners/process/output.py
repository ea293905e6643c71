"""Delivery of a program's output to its receiver, in order, with limited memory and limited waiting."""

from __future__ import annotations

import collections
import logging
import threading
import time
from collections.abc import Callable

from harness.runners.spec import OutputSink

ROOM = 4 << 20
"""The largest number of buffered bytes; above it the program waits, as on a full pipe."""
PATIENCE = 10.0
"""Seconds that a receiver may take for one chunk; after that, output is dropped so that the program can go on."""

_log = logging.getLogger(__name__)


class Drain:
    """A buffer with a thread that calls the sink. ``on_room`` is called when a full buffer has room again."""

    def __init__(self, sink: OutputSink, on_room: Callable[[], None], patience: float = PATIENCE) -> None:
        self._sink = sink
        self._on_room = on_room
        self._patience = patience
        self._chunks: collections.deque[bytes] = collections.deque()
        self._held = 0
        self._dropped = 0
        self._progress = time.monotonic()
        self._closed = False
        self._change = threading.Condition()
        self._thread = threading.Thread(target=self._deliver, name="job-output", daemon=True)
        self._thread.start()

    def has_room(self) -> bool:
        """Return whether ``put`` may be called now: there is room, or the receiver is stuck and output is dropped."""
        with self._change:
            return self._held < ROOM or self._is_stuck()

    def put(self, chunk: bytes) -> None:
        with self._change:
            if self._held >= ROOM and self._is_stuck():
                self._dropped += len(chunk)
                return
            if not self._chunks:
                self._progress = time.monotonic()
            self._report_dropped()
            self._append(chunk)
            self._change.notify_all()

    def close(self) -> None:
        """Wait until all output is delivered or the receiver has been stuck for too long."""
        with self._change:
            self._report_dropped()
            self._closed = True
            self._change.notify_all()
        while self._thread.is_alive():
            self._thread.join(0.2)
            with self._change:
                if self._chunks and self._is_stuck():
                    return

    def _report_dropped(self) -> None:
        if self._dropped:
            self._append(b"\n[harness: %d bytes of output dropped, nobody read them]\n" % self._dropped)
            self._dropped = 0

    def _append(self, chunk: bytes) -> None:
        self._chunks.append(chunk)
        self._held += len(chunk)

    def _is_stuck(self) -> bool:
        return time.monotonic() - self._progress > self._patience

    def _deliver(self) -> None:
        failed = False
        while True:
            with self._change:
                while not self._chunks and not self._closed:
                    self._change.wait()
                if not self._chunks:
                    return
                chunk = self._chunks[0]
            try:
                self._sink(chunk)
            except Exception:  # an error of the receiver must not affect the program
                if not failed:
                    _log.exception("a receiver of job output failed; the output goes on without it")
                failed = True
            with self._change:
                self._chunks.popleft()
                was_full = self._held >= ROOM
                self._held -= len(chunk)
                self._progress = time.monotonic()
                has_room_again = was_full and self._held < ROOM
            if has_room_again:
                self._on_room()
