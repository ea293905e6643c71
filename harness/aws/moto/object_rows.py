"""``ObjectRows``: S3 buckets, object versions and uploads in one SQLite file, as plain rows.

SQLite uses WAL with ``synchronous=NORMAL``: a committed row survives a kill of this process.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from harness.stores.transactions import transaction

SCHEMA = """
CREATE TABLE IF NOT EXISTS bucket (
  name TEXT PRIMARY KEY, account TEXT, partition TEXT, region TEXT, created REAL, moto TEXT, config BLOB);
CREATE TABLE IF NOT EXISTS version (
  bucket TEXT, key TEXT, version TEXT, place INTEGER, file TEXT, size INTEGER, about TEXT,
  PRIMARY KEY (bucket, key, version)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS upload (id TEXT PRIMARY KEY, bucket TEXT, key TEXT, about TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS part (
  upload TEXT, number INTEGER, file TEXT, size INTEGER, about TEXT, PRIMARY KEY (upload, number)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS pickled_settings (bucket TEXT PRIMARY KEY, config BLOB) WITHOUT ROWID;
"""


class BucketRow(NamedTuple):
    name: str
    account: str
    partition: str
    region: str
    created: float
    moto: str
    config: str
    """A document of ``bucket_settings``. Empty if an earlier version saved a pickle, which is not loaded here."""


class VersionRow(NamedTuple):
    """A version of an object. ``file`` is empty for a delete marker. ``place`` orders the versions of a key."""

    bucket: str
    key: str
    version: str
    place: int
    file: str
    size: int
    about: dict[str, Any]


class UploadRow(NamedTuple):
    id: str
    bucket: str
    key: str
    about: dict[str, Any]


class PartRow(NamedTuple):
    upload: str
    number: int
    file: str
    size: int
    about: dict[str, Any]


class ObjectRows:
    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.executescript(SCHEMA)
        self._set_pickles_aside()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit all writes inside as one transaction; on any error, roll them back."""
        with self._lock, transaction(self._db):
            yield

    def put_bucket(self, row: BucketRow) -> None:
        self._db.execute("REPLACE INTO bucket VALUES (?,?,?,?,?,?,?)", row)

    def put_version(self, row: VersionRow) -> None:
        self._db.execute("REPLACE INTO version VALUES (?,?,?,?,?,?,?)", (*row[:-1], _text(row.about)))

    def put_upload(self, row: UploadRow) -> None:
        self._db.execute("REPLACE INTO upload VALUES (?,?,?,?)", (*row[:-1], _text(row.about)))

    def put_part(self, row: PartRow) -> None:
        self._db.execute("REPLACE INTO part VALUES (?,?,?,?,?)", (*row[:-1], _text(row.about)))

    def delete_bucket(self, name: str) -> None:
        self._db.execute("DELETE FROM part WHERE upload IN (SELECT id FROM upload WHERE bucket=?)", (name,))
        self._db.execute("DELETE FROM upload WHERE bucket=?", (name,))
        self._db.execute("DELETE FROM version WHERE bucket=?", (name,))
        self._db.execute("DELETE FROM pickled_settings WHERE bucket=?", (name,))
        self._db.execute("DELETE FROM bucket WHERE name=?", (name,))

    def delete_version(self, bucket: str, key: str, version: str) -> None:
        self._db.execute("DELETE FROM version WHERE bucket=? AND key=? AND version=?", (bucket, key, version))

    def delete_upload(self, upload: str) -> None:
        self._db.execute("DELETE FROM part WHERE upload=?", (upload,))
        self._db.execute("DELETE FROM upload WHERE id=?", (upload,))

    def buckets(self) -> list[BucketRow]:
        return [BucketRow(*row) for row in self._rows("SELECT * FROM bucket")]

    def versions(self, bucket: str | None = None, key: str | None = None) -> Iterator[VersionRow]:
        """Yield all versions, or those of one key, oldest first."""
        where, values = ("WHERE bucket=? AND key=?", (bucket, key)) if key is not None else ("", ())
        for row in self._rows(f"SELECT * FROM version {where} ORDER BY bucket, key, place", *values):
            yield VersionRow._make((*row[:-1], json.loads(row[-1])))

    def uploads(self) -> list[UploadRow]:
        return [UploadRow._make((*row[:-1], json.loads(row[-1]))) for row in self._rows("SELECT * FROM upload")]

    def parts(self) -> list[PartRow]:
        return [
            PartRow._make((*row[:-1], json.loads(row[-1]))) for row in self._rows("SELECT * FROM part ORDER BY number")
        ]

    def files(self) -> set[str]:
        return {row[0] for row in self._rows("SELECT file FROM version UNION ALL SELECT file FROM part")}

    def clear(self) -> None:
        with self.transaction():
            for table in ("part", "upload", "version", "bucket", "pickled_settings"):
                self._db.execute(f"DELETE FROM {table}")

    def pickled_settings(self) -> dict[str, bytes]:
        """Settings of buckets that an earlier version saved as pickles."""
        return dict(self._rows("SELECT bucket, config FROM pickled_settings"))

    def put_settings(self, bucket: str, config: str) -> None:
        """Replace settings that were saved as a pickle."""
        self._db.execute("UPDATE bucket SET config=? WHERE name=?", (config, bucket))
        self._db.execute("DELETE FROM pickled_settings WHERE bucket=?", (bucket,))

    def _set_pickles_aside(self) -> None:
        """Move pickles of earlier versions (blobs) to their own table, where they stay until the user imports them."""
        if not self._rows("SELECT 1 FROM bucket WHERE typeof(config) = 'blob' LIMIT 1"):
            return
        with self.transaction():
            self._db.execute(
                "REPLACE INTO pickled_settings SELECT name, config FROM bucket WHERE typeof(config) = 'blob'"
            )
            self._db.execute("UPDATE bucket SET config = '' WHERE typeof(config) = 'blob'")

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def _rows(self, statement: str, *values: Any) -> list[Any]:
        with self._lock:
            return self._db.execute(statement, values).fetchall()


def _text(about: dict[str, Any]) -> str:
    return json.dumps(about, separators=(",", ":"))
