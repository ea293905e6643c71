"""The emulator's clock: real time, plus whatever it was advanced by.

Schedules ask ``now()`` (which can be advanced); running jobs, time limits and log times ask ``real()``.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime, timezone

LAST_MOMENT = 4102444800.0
"""The start of the year 2100. Schedules and dates of every library still work there."""


class Clock:
    """Seconds since the epoch, UTC. ``offset`` is how far the clock was advanced; it never goes back."""

    def __init__(self, offset: float = 0.0) -> None:
        self._offset = offset
        self._lock = threading.Lock()
        self._save: Callable[[float], object] | None = None

    def save_with(self, save: Callable[[float], object]) -> None:
        """Call ``save`` with each new offset from now on, before the clock moves: no kill leaves a later clock unsaved.

        What ``save`` raises is raised by ``advance_to``, and the clock stays where it is.
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
        """Move ``now()`` forward to ``moment``; a moment already passed changes nothing."""
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
    """``YYYY-MM-DDTHH:MM:SSZ``, the form SageMaker writes into records and environments."""
    return utc(moment).strftime("%Y-%m-%dT%H:%M:%SZ")
