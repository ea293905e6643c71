"""Remembers the buckets created through this emulator.

A reset deletes only these from a LocalStack of somebody else.
"""

from __future__ import annotations

import json
import threading
from pathlib import Path


class MadeBuckets:
    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()

    def add(self, bucket: str) -> None:
        with self._lock:
            names = self._read()
            if bucket not in names:
                self._write([*names, bucket])

    def names(self) -> list[str]:
        with self._lock:
            return self._read()

    def clear(self) -> None:
        with self._lock:
            self._file.unlink(missing_ok=True)

    def _read(self) -> list[str]:
        if not self._file.exists():
            return []
        names: list[str] = json.loads(self._file.read_text())
        return names

    def _write(self, names: list[str]) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._file.with_suffix(".new")
        fresh.write_text(json.dumps(names))
        fresh.replace(self._file)
