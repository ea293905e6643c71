"""``Journal``: one structured line per request in ``emulator.log``, and the tracebacks of our defects."""

from __future__ import annotations

import contextlib
import json
import logging
import threading
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.kernel.clock import utc

if TYPE_CHECKING:
    from harness.gateway.exchange import Exchange

_ROLL_AT = 64 * 1024 * 1024


class Journal:
    """Appends and flushes each line; past 64 MB the file becomes ``emulator.log.1`` and a new one begins."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._file = path.open("a", buffering=1)

    def write(self, exchange: Exchange, status: int, seconds: float) -> None:
        line: dict[str, Any] = {
            "id": exchange.id,
            "service": exchange.service,
            "operation": exchange.operation_name or f"{exchange.request.method} {exchange.request.path}",
            "status": status,
            "ms": round(seconds * 1000, 2),
        }
        if exchange.account:
            line["account"], line["region"] = exchange.account, exchange.region
        if exchange.held:
            line["held_ms"] = round(exchange.held * 1000)
        if exchange.injected:
            line["injected"] = exchange.injected
        if exchange.error:
            line["error"] = exchange.error[:2000]
        self.note(line)

    def defect(self, exchange: Exchange, error: Exception) -> None:
        self.note({"id": exchange.id, "defect": "".join(traceback.format_exception(error))})

    def note(self, line: dict[str, Any]) -> None:
        text = json.dumps({"time": utc(time.time()).isoformat(timespec="milliseconds"), **line}) + "\n"
        with self._lock:
            if self._file.closed:
                return  # the last answers of a closing emulator
            self._file.write(text)
            if self._file.tell() > _ROLL_AT:
                self._file.close()
                self.path.replace(self.path.with_name(self.path.name + ".1"))
                self._file = self.path.open("a", buffering=1)

    @contextlib.contextmanager
    def taking_warnings(self) -> Iterator[None]:
        """What the emulator's own modules log as a warning or worse is written here meanwhile."""
        logger = logging.getLogger("harness")
        handler = _ToJournal(self)
        logger.addHandler(handler)
        try:
            yield
        finally:
            logger.removeHandler(handler)

    def close(self) -> None:
        with self._lock:
            self._file.close()


class _ToJournal(logging.Handler):
    def __init__(self, journal: Journal) -> None:
        super().__init__(logging.WARNING)
        self._journal = journal

    def emit(self, record: logging.LogRecord) -> None:
        self._journal.note({"level": record.levelname, "logger": record.name, "message": self.format(record)})
