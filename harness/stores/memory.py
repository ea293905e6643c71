"""``MemoryRecords``: a ``RecordStore`` without a file, for ``--ephemeral`` and tests."""

from __future__ import annotations

import time
from collections.abc import Callable

from harness.stores.sqlite import SqliteRecords


class MemoryRecords(SqliteRecords):
    """Records in SQLite in memory, so that orders, indexes and limits are the same as on disk."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        super().__init__(":memory:", now)

    def __del__(self) -> None:
        self.close()
