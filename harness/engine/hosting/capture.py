"""Capturing invocations: taken into a bounded buffer at once, written to S3 in the background.

A full buffer drops and counts; it never delays an invocation.
"""

from __future__ import annotations

import logging
import random
import threading
import time
import uuid
from collections import defaultdict, deque
from collections.abc import Callable

from harness.contract.capture import CaptureRules, Invocation, capture_key, format_record
from harness.stores.objects import ObjectStore

log = logging.getLogger(__name__)

BUFFER_BYTES = 256 << 20
# Seconds: what is buffered is written when traffic pauses, and under steady traffic once in a while.
PAUSE = 0.1
LONGEST = 1.0


class Capture:
    """The capture of one endpoint under one set of rules."""

    def __init__(self, endpoint: str, rules: CaptureRules, objects: Callable[[], ObjectStore]) -> None:
        self.rules = rules
        self._endpoint = endpoint
        self._objects = objects
        self._buffer: deque[Invocation] = deque()
        self._size = 0
        self._first = self._last = 0.0
        self._lock = threading.Lock()
        self._flushing = threading.Lock()
        self.dropped = 0
        self._reported = 0

    def wants(self) -> bool:
        """The sampling decision for one invocation: input and output of a request stay together."""
        return random.random() < self.rules.sampling

    def take(self, event: Invocation) -> None:
        size = len(event.body) + len(event.answer)
        with self._lock:
            if self._size + size > BUFFER_BYTES:
                self.dropped += 1
                return
            self._last = time.monotonic()
            if not self._buffer:
                self._first = self._last
            self._buffer.append(event)
            self._size += size

    def flush_if_due(self) -> None:
        now = time.monotonic()
        if self._buffer and (now - self._last >= PAUSE or now - self._first >= LONGEST):
            self.flush()

    def flush(self) -> None:
        """Write what is buffered: one object per variant and hour, in the order taken."""
        with self._flushing:
            with self._lock:
                events, self._buffer, self._size = list(self._buffer), deque(), 0
            groups: dict[tuple[str, int], list[Invocation]] = defaultdict(list)
            for event in events:
                groups[event.variant, int(event.moment // 3600)].append(event)
            for (variant, _), events in groups.items():
                uri = capture_key(self.rules, self._endpoint, variant, events[0].moment, str(uuid.uuid4()))
                text = "".join(format_record(self.rules, event) + "\n" for event in events)
                try:
                    self._objects().write(uri, text.encode(), "application/x-jsonlines")
                except Exception:
                    with self._lock:
                        self.dropped += len(events)
                    log.exception("captured data of endpoint %s could not be written to %s", self._endpoint, uri)
            self._tell_dropped()

    def _tell_dropped(self) -> None:
        with self._lock:
            new, self._reported = self.dropped - self._reported, self.dropped
        if new:
            log.warning("endpoint %s: %d captured records were dropped, %d in all", self._endpoint, new, self.dropped)
