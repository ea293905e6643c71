"""Answers that wait for a record to change. A waiting answer is one future on the loop, never a thread."""

from __future__ import annotations

import asyncio
from collections import defaultdict

from harness.kernel.records import Key, Record
from harness.stores.records import RecordStore


class RecordWaiters:
    """Belongs to the server's event loop; records change on any thread."""

    def __init__(self, records: RecordStore) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._parked: defaultdict[Key, set[asyncio.Future[None]]] = defaultdict(set)
        self._closed = False
        self._unsubscribe = records.subscribe(self._told)

    def open(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    @property
    def parked(self) -> int:
        return sum(map(len, self._parked.values()))

    @property
    def closed(self) -> bool:
        return self._closed

    def park(self, key: Key) -> asyncio.Future[None]:
        """A future that is done at the next change of the record. Take it *before* looking at the record."""
        future = asyncio.get_running_loop().create_future()
        self._parked[key].add(future)
        return future

    def leave(self, key: Key, future: asyncio.Future[None]) -> None:
        waiting = self._parked.get(key)
        if waiting is not None:
            waiting.discard(future)
            if not waiting:
                del self._parked[key]

    def close(self) -> None:
        """Let every parked answer go, as things stand, and hold none from now on."""
        self._closed = True
        self._unsubscribe()
        for key in list(self._parked):
            self._wake(key)

    def _told(self, key: Key, record: Record | None) -> None:
        if key in self._parked and self._loop is not None:
            self._loop.call_soon_threadsafe(self._wake, key)

    def _wake(self, key: Key) -> None:
        for future in self._parked.pop(key, ()):
            if not future.done():
                future.set_result(None)
