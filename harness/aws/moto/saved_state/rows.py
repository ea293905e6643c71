"""``ServiceRows``: the file ``aws/services.sqlite``, with a document for each back end and rows for its lists.

SQLite uses WAL with ``synchronous=NORMAL``: a committed row survives a kill of this process.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from harness import __version__
from harness.aws.moto.saved_state.migrations import FORMAT
from harness.kernel.errors import StateError
from harness.stores.transactions import transaction

FILE = "services.sqlite"
SCHEMA = """
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS backend (
  service TEXT, account TEXT, region TEXT, moto TEXT, document TEXT, PRIMARY KEY (service, account, region));
CREATE TABLE IF NOT EXISTS entry (
  service TEXT, account TEXT, region TEXT, list TEXT, first INTEGER, moto TEXT, document TEXT,
  PRIMARY KEY (service, account, region, list, first));
CREATE TABLE IF NOT EXISTS element (
  service TEXT, account TEXT, region TEXT, key INTEGER, moto TEXT, document TEXT,
  PRIMARY KEY (service, account, region, key));
CREATE TABLE IF NOT EXISTS reserve (filling BLOB);
"""
RESERVE = 256 * 1024
"""The bytes that the file reserves, so that small changes can be written when the disk is full."""
ROOMY = 16 * 1024 * 1024
"""The free disk space in bytes below which nothing is reserved."""
DOCUMENTS = ("backend", "entry", "element")
"""Tables with a column ``document``."""
OF_BACKEND = "service = ? AND account = ? AND region = ?"


class BackendKey(NamedTuple):
    """``service`` is moto's package. ``region`` is a partition for services that have no regions."""

    service: str
    account: str
    region: str


class BackendRow(NamedTuple):
    key: BackendKey
    moto: str
    """The version that wrote the document."""
    document: str


class EntryRow(NamedTuple):
    """A part of an append-only list: a JSON list of the elements from number ``first`` on."""

    list: str
    first: int
    moto: str
    document: str


class ElementRow(NamedTuple):
    """An object of a class with many instances. The document of the back end refers to it by its key."""

    key: int
    moto: str
    document: str


class ServiceRows:
    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        self._lock = threading.RLock()
        folder.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        try:
            self._open()
        except sqlite3.DatabaseError as error:
            self._db.close()
            raise StateError(
                f"{self.path} is damaged or no file of harness ({error})",
                "restore it from a copy, or forget the state with `harness reset`",
            ) from error
        except StateError:
            self._db.close()
            raise

    def backend(self, key: BackendKey) -> BackendRow | None:
        with self._lock:
            query = f"SELECT moto, document FROM backend WHERE {OF_BACKEND}"
            row = self._db.execute(query, key).fetchone()
        return None if row is None else BackendRow(key, *row)

    def entries(self, key: BackendKey) -> list[EntryRow]:
        with self._lock:
            query = f"SELECT list, first, moto, document FROM entry WHERE {OF_BACKEND} ORDER BY list, first"
            return [EntryRow(*row) for row in self._db.execute(query, key)]

    def elements(self, key: BackendKey) -> list[ElementRow]:
        with self._lock:
            query = f"SELECT key, moto, document FROM element WHERE {OF_BACKEND} ORDER BY key"
            return [ElementRow(*row) for row in self._db.execute(query, key)]

    def backends(self) -> list[BackendKey]:
        with self._lock:
            return [BackendKey(*row) for row in self._db.execute("SELECT service, account, region FROM backend")]

    def versions(self, key: BackendKey | None = None) -> set[str]:
        """The versions of moto that wrote something here, or for this back end."""
        where, values = (f"WHERE {OF_BACKEND}", key * len(DOCUMENTS)) if key is not None else ("", ())
        with self._lock:
            query = " UNION ".join(f"SELECT moto FROM {table} {where}" for table in DOCUMENTS)
            return {row[0] for row in self._db.execute(query, values)}

    def write(self, changes: Callable[[], None]) -> None:
        """Run ``changes``, which calls the methods below, in one transaction; on any error, roll it back."""
        with self._lock:
            try:
                with transaction(self._db):
                    changes()
            except sqlite3.OperationalError as error:
                if "full" not in str(error):
                    raise
                # What the log of SQLite holds can be moved into the file, which gives room for this change.
                self._db.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()
                with transaction(self._db):
                    changes()

    def put_backend(self, row: BackendRow) -> None:
        self._db.execute("REPLACE INTO backend VALUES (?,?,?,?,?)", (*row.key, row.moto, row.document))

    def put_entries(self, key: BackendKey, rows: Sequence[EntryRow]) -> None:
        self._db.executemany("REPLACE INTO entry VALUES (?,?,?,?,?,?,?)", [(*key, *row) for row in rows])

    def cut_list(self, key: BackendKey, name: str, start: int) -> None:
        """Delete the elements before number ``start``."""
        where = f"{OF_BACKEND} AND list = ? AND first < ?"
        query = f"SELECT first, moto, document FROM entry WHERE {where} ORDER BY first DESC LIMIT 1"
        cut = self._db.execute(query, (*key, name, start)).fetchone()
        self._db.execute(f"DELETE FROM entry WHERE {where}", (*key, name, start))
        if cut is None:
            return
        first, moto, document = cut
        left = json.loads(document)[start - first :]
        if left:
            self.put_entries(key, [EntryRow(name, start, moto, json.dumps(left, separators=(",", ":")))])

    def delete_list(self, key: BackendKey, name: str) -> None:
        self._db.execute(f"DELETE FROM entry WHERE {OF_BACKEND} AND list = ?", (*key, name))

    def put_elements(self, key: BackendKey, rows: Sequence[ElementRow]) -> None:
        self._db.executemany("REPLACE INTO element VALUES (?,?,?,?,?,?)", [(*key, *row) for row in rows])

    def delete_elements(self, key: BackendKey, elements: Sequence[int]) -> None:
        row = [(*key, each) for each in elements]
        self._db.executemany(f"DELETE FROM element WHERE {OF_BACKEND} AND key = ?", row)

    def delete_parts(self, key: BackendKey) -> None:
        """Delete all lists and elements of a back end, before they are written again."""
        for table in ("entry", "element"):
            self._db.execute(f"DELETE FROM {table} WHERE {OF_BACKEND}", key)

    def clear(self) -> None:
        with self._lock, transaction(self._db):
            for table in DOCUMENTS:
                self._db.execute(f"DELETE FROM {table}")

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def _open(self) -> None:
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.executescript(SCHEMA)
        row = self._db.execute("SELECT value FROM settings WHERE name = 'format'").fetchone()
        if row is None:
            self._db.execute("INSERT INTO settings VALUES ('format', ?)", (str(FORMAT),))
        elif row[0] != str(FORMAT):
            raise StateError(
                f"{self.path} has format {row[0]}, harness {__version__} reads format {FORMAT}",
                "use the harness that wrote it, choose another folder with --state, or forget the state with "
                "`harness reset`",
            )
        self._refuse_damage()
        self._make_reserve()

    def _refuse_damage(self) -> None:
        (answer,) = self._db.execute("PRAGMA quick_check(1)").fetchone()
        if answer != "ok":
            raise sqlite3.DatabaseError(answer)
        for table in DOCUMENTS:
            row = self._db.execute(f"SELECT service FROM {table} WHERE NOT json_valid(document)").fetchone()
            if row is not None:
                raise sqlite3.DatabaseError(f"a document of {row[0]} is not valid JSON")

    def _make_reserve(self) -> None:
        if shutil.disk_usage(self.path.parent).free < ROOMY:
            return
        with contextlib.suppress(sqlite3.OperationalError):  # the disk is full already
            with transaction(self._db):
                self._db.execute("INSERT INTO reserve VALUES (zeroblob(?))", (RESERVE,))
            with transaction(self._db):
                self._db.execute("DELETE FROM reserve")
            self._db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
