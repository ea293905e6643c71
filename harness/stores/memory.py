"""``MemoryRecords``: a ``RecordStore`` that forgets; for ``--ephemeral`` and tests. Behaves as the SQLite store."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from harness.kernel.records import Key, Record
from harness.stores.records import Listener, RecordExists, RecordMissing
from harness.stores.watch import Listeners


def plain(record: Record) -> Record:
    """The record as JSON gives it back, so that what is written equals what is read, in both stores.

    One that nobody has changed yet was last modified when it was created.
    """
    return replace(
        record,
        modified=record.modified or record.created,
        spec=json.loads(json.dumps(record.spec)),
        status=json.loads(json.dumps(record.status)),
        inner=json.loads(json.dumps(record.inner)),
    )


class MemoryRecords:
    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._lock = threading.RLock()
        self._records: dict[Key, Record] = {}
        self._settings: dict[str, str] = {}
        self._listeners = Listeners()

    def add(self, record: Record) -> Record:
        record = plain(record)
        with self._lock:
            existing = self._records.get(record.key)
            if existing is not None:
                raise RecordExists(existing)
            self._records[record.key] = record
        self._listeners.tell(record.key, record)
        return record

    def find(self, key: Key) -> Record | None:
        return self._records.get(key)

    def change(self, key: Key, change: Callable[[Record], Record]) -> Record:
        with self._lock:
            record = self._records.get(key)
            if record is None:
                raise RecordMissing(key)
            changed = change(record)
            if changed is record:
                return record
            changed = plain(replace(changed, key=key, modified=self._now(), version=record.version + 1))
            self._records[key] = changed
        self._listeners.tell(key, changed)
        return changed

    def delete(self, key: Key) -> Record:
        with self._lock:
            record = self._records.pop(key, None)
        if record is None:
            raise RecordMissing(key)
        self._listeners.tell(key, None)
        return record

    def scan(self, kind: str, account: str | None = None, region: str | None = None) -> Iterator[Record]:
        with self._lock:
            found = [
                record
                for record in self._records.values()
                if record.kind == kind
                and (account is None or record.key.account == account)
                and (region is None or record.key.region == region)
            ]
        return iter(sorted(found, key=lambda record: record.created))

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        return self._listeners.subscribe(listener)

    def setting(self, name: str) -> str | None:
        return self._settings.get(name)

    def set_setting(self, name: str, value: str) -> None:
        self._settings[name] = value

    def clear(self) -> None:
        with self._lock:
            gone = list(self._records)
            self._records.clear()
            self._settings.clear()
        for key in gone:
            self._listeners.tell(key, None)

    def close(self) -> None:
        pass
