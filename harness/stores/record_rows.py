"""The tables of ``SqliteRecords``, their format number, and the conversion of records to rows."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness import __version__
from harness.kernel.errors import StateError
from harness.kernel.records import Key, Record
from harness.stores.record_queries import INDEXES
from harness.stores.transactions import transaction

FORMAT = "2"
"""The number of the format. It is increased when an older harness could not read the file."""

SCHEMA = """
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

COLUMNS = "kind, account, region, name, arn, spec, status, inner, created, modified, version"
WRITTEN = f"{COLUMNS}, state, scheduled"
OF_KEY = "kind = ? and account = ? and region = ? and name = ?"
SET_SETTING = "insert or replace into settings (name, value) values (?, ?)"


def open_records(file: Path | str) -> sqlite3.Connection:
    # isolation_level None: every statement is its own transaction, durable when it returns.
    connection = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("pragma journal_mode = wal")
        # A committed write survives a kill of the process. Only a crash of the machine may lose the last ones.
        connection.execute("pragma synchronous = normal")
        connection.executescript(SCHEMA)
        version = get_setting(connection, "format")
        if version == "1":
            _add_columns(connection)
            version = FORMAT
        if version in (None, FORMAT):
            connection.executescript(INDEXES)
    except sqlite3.DatabaseError as error:
        connection.close()
        raise StateError(
            f"{file} is not a state file of harness ({error})", "remove it or choose another folder with --state"
        ) from error
    if version is None:
        connection.execute(SET_SETTING, ("format", FORMAT))
    elif version != FORMAT:
        connection.close()
        raise StateError(
            f"the state folder {Path(file).parent} has format {version}, harness {__version__} reads format {FORMAT}",
            "use the harness that wrote it, choose another folder with --state, or remove the folder",
        )
    return connection


def _add_columns(connection: sqlite3.Connection) -> None:
    """Convert a file of format 1, which has fewer columns, in one transaction."""
    with transaction(connection):
        connection.execute("alter table records add column state text not null default ''")
        connection.execute("alter table records add column scheduled real")
        for row in connection.execute(f"select {COLUMNS} from records").fetchall():
            values = (*_index_values(make_record(row)), *row[:4])
            connection.execute(f"update records set state = ?, scheduled = ? where {OF_KEY}", values)
        connection.execute(SET_SETTING, ("format", FORMAT))


def get_setting(connection: sqlite3.Connection, name: str) -> str | None:
    row = connection.execute("select value from settings where name = ?", (name,)).fetchone()
    return None if row is None else str(row[0])


def make_row(record: Record) -> tuple[Any, ...]:
    documents = (json.dumps(part) for part in (record.spec, record.status, record.inner))
    return (
        *record.key,
        record.arn,
        *documents,
        record.created,
        record.modified,
        record.version,
        *_index_values(record),
    )


def _index_values(record: Record) -> tuple[str, float | None]:
    """Return the state and the scheduled time of a record, which queries sort and filter by."""
    scheduled = record.status.get("ScheduledTime") if record.kind == "monitoring-execution" else None
    return record.state, None if scheduled is None else float(scheduled)


def to_stored_form(record: Record) -> Record:
    """Return the record as it will be read back from JSON, so that both are equal.

    The time of change of a record that was never changed is its time of creation.
    """
    return replace(
        record,
        modified=record.modified or record.created,
        spec=json.loads(json.dumps(record.spec)),
        status=json.loads(json.dumps(record.status)),
        inner=json.loads(json.dumps(record.inner)),
    )


def make_record(row: tuple[Any, ...]) -> Record:
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


def insert(record: Record) -> tuple[str, tuple[Any, ...]]:
    """Return the statement that adds a record, and its values."""
    return f"insert into records ({WRITTEN}) values ({', '.join('?' * 13)})", make_row(record)


def update(record: Record) -> tuple[str, tuple[Any, ...]]:
    """Return the statement that replaces a record, and its values."""
    columns = ", ".join(f"{column} = ?" for column in WRITTEN.split(", ")[4:])
    return f"update records set {columns} where {OF_KEY}", (*make_row(record)[4:], *record.key)
