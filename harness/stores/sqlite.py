"""``SqliteRecords``: a ``RecordStore`` in an SQLite file of the state folder, or in memory.

There is one connection with one lock. Only one emulator uses the file (see ``StateFolder``), so records are cached in
memory: an invocation of an endpoint must not wait for the disk.
"""

from __future__ import annotations

import contextlib
import sqlite3
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.kernel.errors import InternalFailure
from harness.kernel.records import Key, Record
from harness.stores.record_queries import RecordQuery, statement
from harness.stores.record_rows import (
    COLUMNS,
    OF_KEY,
    SET_SETTING,
    get_setting,
    insert,
    make_record,
    open_records,
    to_stored_form,
    update,
)
from harness.stores.records import Listener, RecordExists, RecordMissing
from harness.stores.transactions import transaction
from harness.stores.watch import Listeners

_CACHED = 4096
_BLOCK = 128
"""The records that a scan or a query reads at a time."""


class SqliteRecords:
    def __init__(self, file: Path | str, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._lock = threading.RLock()
        self._listeners = Listeners()
        self._cached: OrderedDict[Key, Record] = OrderedDict()
        self._connection = open_records(file)

    def add(self, record: Record) -> Record:
        record = to_stored_form(record)
        with self._lock:
            existing = self.find(record.key)
            if existing is not None:
                raise RecordExists(existing)
            self._write(*insert(record))
            self._cache(record)
        self._listeners.notify(record.key, record)
        return record

    def find(self, key: Key) -> Record | None:
        record = self._cached.get(key)
        if record is not None:
            return record
        with self._lock:
            row = self._connection.execute(f"select {COLUMNS} from records where {OF_KEY}", key).fetchone()
            if row is None:
                return None
            record = make_record(row)
            self._cache(record)
            return record

    def change(self, key: Key, change: Callable[[Record], Record]) -> Record:
        with self._lock:
            record = self.find(key)
            if record is None:
                raise RecordMissing(key)
            changed = change(record)
            if changed is record:
                return record
            changed = self._next_version(record, changed)
            self._write(*update(changed))
            self._cache(changed)
        self._listeners.notify(key, changed)
        return changed

    def change_and_add(
        self, key: Key, change: Callable[[Record], Record], make: Callable[[Record], Record]
    ) -> tuple[Record, Record] | None:
        with self._lock:
            record = self.find(key)
            if record is None:
                raise RecordMissing(key)
            changed = change(record)
            if changed is record:
                return None
            changed = self._next_version(record, changed)
            added = to_stored_form(make(changed))
            with self._transaction():
                self._write(*update(changed))
                self._write(*insert(added))
            self._cache(changed)
            self._cache(added)
        self._listeners.notify(key, changed)
        self._listeners.notify(added.key, added)
        return changed, added

    def delete(self, key: Key) -> Record:
        with self._lock:
            record = self.find(key)
            if record is None:
                raise RecordMissing(key)
            self._write(f"delete from records where {OF_KEY}", key)
            self._cached.pop(key, None)
        self._listeners.notify(key, None)
        return record

    def scan(
        self, kind: str, account: str | None = None, region: str | None = None, newest_first: bool = False
    ) -> Iterator[Record]:
        filters = {"kind": kind, "account": account, "region": region}
        present = {name: value for name, value in filters.items() if value is not None}
        after, direction = (">", "") if not newest_first else ("<", " desc")
        conditions = [*(f"{name} = :{name}" for name in present), f"(created, rowid) {after} (:created, :rowid)"]
        query = (
            f"select {COLUMNS}, rowid from records indexed by records_by_age where {' and '.join(conditions)} "
            f"order by created{direction}, rowid{direction} limit {_BLOCK}"
        )
        start = sys.float_info.max if newest_first else -sys.float_info.max
        position: dict[str, Any] = {"created": start, "rowid": 0}
        rows: list[Any] = [()] * _BLOCK
        while len(rows) == _BLOCK:
            rows = self._read(query, {**present, **position})
            yield from (make_record(row) for row in rows)
            if rows:
                position = {"created": rows[-1][8], "rowid": rows[-1][-1]}

    def select(self, query: RecordQuery) -> Iterator[Record]:
        rows: list[Any] = [()] * _BLOCK
        while len(rows) == _BLOCK:
            text, values = statement(query, f"{COLUMNS}, {', '.join(query.columns)}", _BLOCK)
            rows = self._read(text, values)
            yield from (make_record(row) for row in rows)
            if rows:
                query = replace(query, after=rows[-1][-len(query.columns) :])

    def _read(self, text: str, values: Any) -> list[Any]:
        with self._lock:
            return self._connection.execute(text, values).fetchall()

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        return self._listeners.subscribe(listener)

    def setting(self, name: str) -> str | None:
        with self._lock:
            return get_setting(self._connection, name)

    def set_setting(self, name: str, value: str) -> None:
        with self._lock:
            self._write(SET_SETTING, (name, value))

    def clear(self) -> None:
        with self._lock:
            deleted = [Key(*row) for row in self._connection.execute("select kind, account, region, name from records")]
            with self._transaction():
                self._write("delete from records")
                self._write("delete from settings where name != 'format'")
            self._cached.clear()
        for key in deleted:
            self._listeners.notify(key, None)

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        """Commit all writes inside as one transaction; on any error, roll them back."""
        with _report_full_disk(), transaction(self._connection):
            yield

    def _next_version(self, record: Record, changed: Record) -> Record:
        return to_stored_form(replace(changed, key=record.key, modified=self._now(), version=record.version + 1))

    def _write(self, statement: str, values: Sequence[Any] = ()) -> None:
        with _report_full_disk():
            self._connection.execute(statement, values)

    def _cache(self, record: Record) -> None:
        self._cached[record.key] = record
        if len(self._cached) > _CACHED:
            self._cached.popitem(last=False)


@contextlib.contextmanager
def _report_full_disk() -> Iterator[None]:
    """Turn SQLite's error for a full disk into an API error that names the remedy."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if "full" not in str(error):
            raise
        raise InternalFailure("The disk of the state folder is full; free space there, then try again.") from error
