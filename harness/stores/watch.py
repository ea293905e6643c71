"""``Listeners``: who is told of writes to a record store."""

from __future__ import annotations

import threading
from collections.abc import Callable

from harness.kernel.records import Key, Record
from harness.stores.records import Listener


class Listeners:
    """Called on the writing thread, outside the store's lock."""

    def __init__(self) -> None:
        self._listeners: tuple[Listener, ...] = ()
        self._lock = threading.Lock()

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        # A new tuple each time: ``tell`` may run on other threads meanwhile.
        with self._lock:
            self._listeners = (*self._listeners, listener)

        def end() -> None:
            with self._lock:
                self._listeners = tuple(kept for kept in self._listeners if kept is not listener)

        return end

    def tell(self, key: Key, record: Record | None) -> None:
        for listener in self._listeners:
            listener(key, record)
