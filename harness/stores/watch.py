"""``Listeners``: notifies listeners of writes to a record store."""

from __future__ import annotations

import threading
from collections.abc import Callable

from harness.kernel.records import Key, Record
from harness.stores.records import Listener


class Listeners:
    """The listeners of one store. They are called on the writing thread, without the store's lock."""

    def __init__(self) -> None:
        self._listeners: tuple[Listener, ...] = ()
        self._lock = threading.Lock()

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        # A new tuple each time, because ``notify`` may run on other threads at the same time.
        with self._lock:
            self._listeners = (*self._listeners, listener)

        def end() -> None:
            with self._lock:
                self._listeners = tuple(other for other in self._listeners if other is not listener)

        return end

    def notify(self, key: Key, record: Record | None) -> None:
        for listener in self._listeners:
            listener(key, record)
