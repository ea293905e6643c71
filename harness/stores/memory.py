"""``MemoryRecords``: a ``RecordStore`` that forgets; for ``--ephemeral`` and tests."""

from __future__ import annotations

import time
from collections.abc import Callable

from harness.stores.sqlite import SqliteRecords


class MemoryRecords(SqliteRecords):
    """SQLite without a file, so that orders, indexes and limits are those of the store on disk."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        super().__init__(":memory:", now)

    def __del__(self) -> None:
        self.close()
