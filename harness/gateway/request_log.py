"""``RequestLog``: one structured line per request in ``emulator.log``, and the tracebacks of our defects."""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import threading
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.kernel.clock import utc
from harness.kernel.masking import mask_text

if TYPE_CHECKING:
    from harness.gateway.request_context import RequestContext

_ROLL_AT = 64 * 1024 * 1024


class RequestLog:
    """Appends each line at once; past 64 MB the file becomes ``emulator.log.1`` and a new one begins.

    A line that cannot be written, as the disk is full, is lost and costs no answer; the next that can tells of it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._file = path.open("ab", buffering=0)
        self._lost = 0

    def write(self, exchange: RequestContext, status: int, seconds: float) -> None:
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
            line["error"] = mask_text(exchange.error[:2000])
        self.note(line)

    def defect(self, exchange: RequestContext, error: Exception) -> None:
        self.note({"id": exchange.id, "defect": mask_text("".join(traceback.format_exception(error)))})

    def note(self, line: dict[str, Any]) -> None:
        with self._lock:
            if self._file.closed:
                return  # the last answers of a closing emulator
            try:
                self._append(line)
            except OSError:
                self._lost += 1

    def _append(self, line: dict[str, Any]) -> None:
        lost = {"lost_lines": self._lost} if self._lost else {}
        text = json.dumps({"time": utc(time.time()).isoformat(timespec="milliseconds"), **line, **lost}) + "\n"
        data, end = text.encode(), self._file.tell()
        if self._file.write(data) < len(data):
            self._file.truncate(end)  # as much as there was room for
            raise OSError(errno.ENOSPC, "a part of a line")
        self._lost = 0
        if self._file.tell() > _ROLL_AT:
            self.path.replace(self.path.with_name(self.path.name + ".1"))
            with self._file:
                self._file = self.path.open("ab", buffering=0)

    @contextlib.contextmanager
    def taking_warnings(self) -> Iterator[None]:
        """Write warnings and errors that the emulator's own modules log into this log, until the context ends."""
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
    def __init__(self, journal: RequestLog) -> None:
        super().__init__(logging.WARNING)
        self._journal = journal

    def emit(self, record: logging.LogRecord) -> None:
        self._journal.note(
            {"level": record.levelname, "logger": record.name, "message": mask_text(self.format(record))}
        )
