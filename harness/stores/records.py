"""``RecordStore``: records by key, on disk in SQLite or in memory. One protocol, two stores, one test suite."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

from harness.kernel.records import Key, Record
from harness.stores.record_queries import RecordQuery


class RecordExists(Exception):
    """The key is taken; ``existing`` is the record that has it."""

    def __init__(self, existing: Record) -> None:
        super().__init__(f"{existing.key} exists")
        self.existing = existing


class RecordMissing(Exception):
    def __init__(self, key: Key) -> None:
        super().__init__(f"no record {key}")
        self.key = key


Listener = Callable[[Key, "Record | None"], None]


class RecordStore(Protocol):
    """Thread-safe. Every write is durable when the call returns (SQLite) and then told to the listeners.

    Names are matched exactly. A listener is called on the writing thread, after the write, outside the store's lock;
    it gets the key and the new record, or None when the record was deleted.
    """

    def add(self, record: Record) -> Record:
        """Insert a new record; ``RecordExists`` when the key is taken."""

    def find(self, key: Key) -> Record | None: ...

    def change(self, key: Key, change: Callable[[Record], Record]) -> Record:
        """Replace the record by ``change(record)`` atomically; ``modified`` and ``version`` are set here.

        Returning the very record given writes nothing. ``RecordMissing`` when there is none.
        """

    def change_and_add(
        self, key: Key, change: Callable[[Record], Record], make: Callable[[Record], Record]
    ) -> tuple[Record, Record] | None:
        """Change a record as ``change`` does and add ``make(changed)``: both are written, or neither is.

        None, and nothing is written, where ``change`` returns the very record given.
        """

    def delete(self, key: Key) -> Record:
        """Remove and return it; ``RecordMissing`` when there is none."""

    def scan(
        self, kind: str, account: str | None = None, region: str | None = None, newest_first: bool = False
    ) -> Iterator[Record]:
        """Records of one kind, oldest first; of every account and region where those are None.

        They are read as they are needed, some at a time: what is deleted meanwhile is left out.
        """

    def select(self, query: RecordQuery) -> Iterator[Record]:
        """Records of a query in its order, read by index and as they are needed."""

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Be told of every write from now on; the function returned ends it."""

    def setting(self, name: str) -> str | None: ...

    def set_setting(self, name: str, value: str) -> None:
        """Small facts of the state folder itself (format version, clock offset)."""

    def clear(self) -> None: ...

    def close(self) -> None: ...
