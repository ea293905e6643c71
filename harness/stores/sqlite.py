"""``SqliteRecords``: a ``RecordStore`` in one SQLite file of the state folder, or in memory.

One connection under one lock. The file belongs to one emulator at a time (see ``StateFolder``), so records read once
are served from memory until they are written again: an invocation must not wait for a disk.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness import __version__
from harness.kernel.errors import InternalFailure, StateError
from harness.kernel.records import Key, Record
from harness.stores.record_queries import INDEXES, RecordQuery, statement
from harness.stores.records import Listener, RecordExists, RecordMissing
from harness.stores.transactions import transaction
from harness.stores.watch import Listeners

FORMAT = "2"
"""Raised whenever an older harness could not read what this one writes."""

_REMEMBERED = 4096
_READ_AT_ONCE = 128
"""Records that a scan or a selection holds in memory."""

_SCHEMA = """
create table if not exists settings (name text primary key, value text not null) without rowid;
create table if not exists records (
    kind text not null, account text not null, region text not null, name text not null,
    arn text not null, spec text not null, status text not null, inner text not null,
    created real not null, modified real not null, version integer not null,
    state text not null default '', scheduled real,
    unique (kind, account, region, name)
);
create index if not exists records_by_age on records (kind, created);
"""

_COLUMNS = "kind, account, region, name, arn, spec, status, inner, created, modified, version"
_WRITTEN = f"{_COLUMNS}, state, scheduled"
_OF_KEY = "kind = ? and account = ? and region = ? and name = ?"


class SqliteRecords:
    def __init__(self, file: Path | str, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._lock = threading.RLock()
        self._listeners = Listeners()
        self._remembered: OrderedDict[Key, Record] = OrderedDict()
        self._connection = _open(file)

    def add(self, record: Record) -> Record:
        record = plain(record)
        with self._lock:
            existing = self.find(record.key)
            if existing is not None:
                raise RecordExists(existing)
            marks = ", ".join("?" * 13)
            self._write(f"insert into records ({_WRITTEN}) values ({marks})", _row(record))
            self._remember(record)
        self._listeners.tell(record.key, record)
        return record

    def find(self, key: Key) -> Record | None:
        record = self._remembered.get(key)
        if record is not None:
            return record
        with self._lock:
            row = self._connection.execute(f"select {_COLUMNS} from records where {_OF_KEY}", key).fetchone()
            if row is None:
                return None
            record = _record(row)
            self._remember(record)
            return record

    def change(self, key: Key, change: Callable[[Record], Record]) -> Record:
        with self._lock:
            record = self.find(key)
            if record is None:
                raise RecordMissing(key)
            changed = change(record)
            if changed is record:
                return record
            changed = plain(replace(changed, key=key, modified=self._now(), version=record.version + 1))
            columns = ", ".join(f"{column} = ?" for column in _WRITTEN.split(", ")[4:])
            self._write(f"update records set {columns} where {_OF_KEY}", (*_row(changed)[4:], *key))
            self._remember(changed)
        self._listeners.tell(key, changed)
        return changed

    def delete(self, key: Key) -> Record:
        with self._lock:
            record = self.find(key)
            if record is None:
                raise RecordMissing(key)
            self._write(f"delete from records where {_OF_KEY}", key)
            self._remembered.pop(key, None)
        self._listeners.tell(key, None)
        return record

    def scan(
        self, kind: str, account: str | None = None, region: str | None = None, newest_first: bool = False
    ) -> Iterator[Record]:
        wanted = {"kind": kind, "account": account, "region": region}
        given = {name: value for name, value in wanted.items() if value is not None}
        after, direction = (">", "") if not newest_first else ("<", " desc")
        conditions = [*(f"{name} = :{name}" for name in given), f"(created, rowid) {after} (:created, :rowid)"]
        query = (
            f"select {_COLUMNS}, rowid from records indexed by records_by_age where {' and '.join(conditions)} "
            f"order by created{direction}, rowid{direction} limit {_READ_AT_ONCE}"
        )
        beyond = sys.float_info.max if newest_first else -sys.float_info.max
        position: dict[str, Any] = {"created": beyond, "rowid": 0}
        rows: list[Any] = [()] * _READ_AT_ONCE
        while len(rows) == _READ_AT_ONCE:
            rows = self._read(query, {**given, **position})
            yield from (_record(row) for row in rows)
            if rows:
                position = {"created": rows[-1][8], "rowid": rows[-1][-1]}

    def select(self, query: RecordQuery) -> Iterator[Record]:
        rows: list[Any] = [()] * _READ_AT_ONCE
        while len(rows) == _READ_AT_ONCE:
            text, values = statement(query, f"{_COLUMNS}, {', '.join(query.columns)}", _READ_AT_ONCE)
            rows = self._read(text, values)
            yield from (_record(row) for row in rows)
            if rows:
                query = replace(query, after=rows[-1][-len(query.columns) :])

    def _read(self, text: str, values: Any) -> list[Any]:
        with self._lock:
            return self._connection.execute(text, values).fetchall()

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        return self._listeners.subscribe(listener)

    def setting(self, name: str) -> str | None:
        with self._lock:
            return _setting(self._connection, name)

    def set_setting(self, name: str, value: str) -> None:
        with self._lock:
            _set_setting(self._connection, name, value)

    def clear(self) -> None:
        with self._lock:
            gone = [Key(*row) for row in self._connection.execute("select kind, account, region, name from records")]
            self._connection.execute("delete from records")
            self._connection.execute("delete from settings where name != 'format'")
            self._remembered.clear()
        for key in gone:
            self._listeners.tell(key, None)

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def _write(self, statement: str, values: Sequence[Any]) -> None:
        try:
            self._connection.execute(statement, values)
        except sqlite3.OperationalError as error:
            if "full" not in str(error):
                raise
            raise InternalFailure("The disk of the state folder is full; free space there, then try again.") from error

    def _remember(self, record: Record) -> None:
        self._remembered[record.key] = record
        if len(self._remembered) > _REMEMBERED:
            self._remembered.popitem(last=False)


def _open(file: Path | str) -> sqlite3.Connection:
    # isolation_level None: every statement is its own transaction, durable when it returns.
    connection = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("pragma journal_mode = wal")
        # An acknowledged write survives the death of the process; only a dying machine may lose the last ones.
        connection.execute("pragma synchronous = normal")
        connection.executescript(_SCHEMA)
        found = _setting(connection, "format")
        if found == "1":
            _add_columns(connection)
            found = FORMAT
        if found in (None, FORMAT):
            connection.executescript(INDEXES)
    except sqlite3.DatabaseError as error:
        connection.close()
        raise StateError(
            f"{file} is not a state file of harness ({error}); remove it or choose another folder with --state"
        ) from error
    if found is None:
        _set_setting(connection, "format", FORMAT)
    elif found != FORMAT:
        connection.close()
        raise StateError(
            f"the state folder {Path(file).parent} has format {found}, harness {__version__} reads format {FORMAT}; "
            "use the harness that wrote it, choose another folder with --state, or remove the folder"
        )
    return connection


def _add_columns(connection: sqlite3.Connection) -> None:
    """Bring a file of format 1, which sorted nothing but ages, to this one: all of it or nothing."""
    with transaction(connection):
        connection.execute("alter table records add column state text not null default ''")
        connection.execute("alter table records add column scheduled real")
        for row in connection.execute(f"select {_COLUMNS} from records").fetchall():
            values = (*_indexed(_record(row)), *row[:4])
            connection.execute(f"update records set state = ?, scheduled = ? where {_OF_KEY}", values)
        _set_setting(connection, "format", FORMAT)


def _setting(connection: sqlite3.Connection, name: str) -> str | None:
    row = connection.execute("select value from settings where name = ?", (name,)).fetchone()
    return None if row is None else str(row[0])


def _set_setting(connection: sqlite3.Connection, name: str, value: str) -> None:
    connection.execute("insert or replace into settings (name, value) values (?, ?)", (name, value))


def _row(record: Record) -> tuple[Any, ...]:
    documents = (json.dumps(part) for part in (record.spec, record.status, record.inner))
    return (*record.key, record.arn, *documents, record.created, record.modified, record.version, *_indexed(record))


def _indexed(record: Record) -> tuple[str, float | None]:
    """Return the state, and the time that an execution was scheduled for, which pages are sorted and filtered by."""
    scheduled = record.status.get("ScheduledTime") if record.kind == "monitoring-execution" else None
    return record.state, None if scheduled is None else float(scheduled)


def plain(record: Record) -> Record:
    """The record as JSON gives it back, so that what is written equals what is read.

    One that nobody has changed yet was last modified when it was created.
    """
    return replace(
        record,
        modified=record.modified or record.created,
        spec=json.loads(json.dumps(record.spec)),
        status=json.loads(json.dumps(record.status)),
        inner=json.loads(json.dumps(record.inner)),
    )


def _record(row: tuple[Any, ...]) -> Record:
    return Record(
        key=Key(*row[:4]),
        arn=row[4],
        spec=json.loads(row[5]),
        status=json.loads(row[6]),
        inner=json.loads(row[7]),
        created=row[8],
        modified=row[9],
        version=row[10],
    )
