"""``RecordStore``: the interface to stored records, in SQLite on disk or in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

from harness.kernel.records import Key, Record
from harness.stores.record_queries import RecordQuery


class RecordExists(Exception):
    """A record with this key exists: ``existing``."""

    def __init__(self, existing: Record) -> None:
        super().__init__(f"{existing.key} exists")
        self.existing = existing


class RecordMissing(Exception):
    def __init__(self, key: Key) -> None:
        super().__init__(f"no record {key}")
        self.key = key


Listener = Callable[[Key, "Record | None"], None]


class RecordStore(Protocol):
    """Stores records by key. Thread-safe. A write is durable when the call returns, and listeners are notified.

    Names are matched exactly. A listener is called on the writing thread, after the write, without the store's lock. It
    gets the key and the new record, or None if the record was deleted.
    """

    def add(self, record: Record) -> Record:
        """Insert a new record. Raise ``RecordExists`` if the key exists."""

    def find(self, key: Key) -> Record | None: ...

    def change(self, key: Key, change: Callable[[Record], Record]) -> Record:
        """Replace the record by ``change(record)`` atomically, and set ``modified`` and ``version``.

        Nothing is written if ``change`` returns its argument. Raises ``RecordMissing`` if there is no such record.
        """

    def change_and_add(
        self, key: Key, change: Callable[[Record], Record], make: Callable[[Record], Record]
    ) -> tuple[Record, Record] | None:
        """Change a record and add ``make(changed)`` in one transaction.

        Returns None and writes nothing if ``change`` returns its argument.
        """

    def delete(self, key: Key) -> Record:
        """Delete and return a record. Raise ``RecordMissing`` if there is none."""

    def scan(
        self, kind: str, account: str | None = None, region: str | None = None, newest_first: bool = False
    ) -> Iterator[Record]:
        """Yield the records of one kind, oldest first; of all accounts or regions if these are None.

        Records are read in blocks when they are needed, so those deleted in the meantime are left out.
        """

    def select(self, query: RecordQuery) -> Iterator[Record]:
        """Yield the records of a query in its order, read from an index when they are needed."""

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call ``listener`` for every write from now on. Return a function that ends this."""

    def setting(self, name: str) -> str | None: ...

    def set_setting(self, name: str, value: str) -> None:
        """Store a small value of the state folder itself, such as the clock's offset."""

    def clear(self) -> None: ...

    def close(self) -> None: ...
