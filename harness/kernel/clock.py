"""The emulator's clock: real time plus the seconds by which it was advanced.

Schedules use ``now()``, which can be advanced. Running jobs, time limits and log times use ``real()``.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime, timezone

LAST_MOMENT = 4102444800.0
"""The start of the year 2100: a date that cron and date libraries still handle."""


class Clock:
    """A clock in seconds since the epoch (UTC). ``offset`` is how far it was advanced; it never goes back."""

    def __init__(self, offset: float = 0.0) -> None:
        self._offset = offset
        self._lock = threading.Lock()
        self._save: Callable[[float], object] | None = None

    def save_with(self, save: Callable[[float], object]) -> None:
        """Call ``save`` with each new offset before the clock moves, so that a killed process never loses an offset.

        If ``save`` raises, ``advance_to`` raises the same error and the clock does not move.
        """
        self._save = save

    @property
    def offset(self) -> float:
        return self._offset

    def real(self) -> float:
        return time.time()

    def now(self) -> float:
        return time.time() + self._offset

    def advance_to(self, moment: float) -> None:
        """Move ``now()`` forward to ``moment``. Do nothing if that moment has passed."""
        with self._lock:
            offset = moment - time.time()
            if offset <= self._offset:
                return
            if self._save is not None:
                self._save(offset)
            self._offset = offset

    def reset(self) -> None:
        with self._lock:
            self._offset = 0.0


def utc(moment: float) -> datetime:
    return datetime.fromtimestamp(moment, tz=timezone.utc)


def iso(moment: float) -> str:
    """Format a time as ``YYYY-MM-DDTHH:MM:SSZ``, as SageMaker does in records and environment variables."""
    return utc(moment).strftime("%Y-%m-%dT%H:%M:%SZ")
