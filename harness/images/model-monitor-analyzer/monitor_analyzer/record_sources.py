"""Data sets that are read record by record: captured data, and anything a preprocessor turns into rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from . import messages
from .capture_rows import CaptureRows
from .captured_records import InferenceRecord, records_in
from .errors import AnalyzerError
from .rows import Row, frames_of
from .scripts import Preprocessor
from .source_files import lines_of

Window = tuple[datetime, datetime] | None


class CaptureFiles:
    def __init__(
        self, files: Sequence[Path], rows: CaptureRows, window: Window, preprocessor: Preprocessor | None
    ) -> None:
        self._files = files
        self._capture_rows = rows
        self._window = window
        self._preprocessor = preprocessor

    def frames(self, text_columns: frozenset[str], only: frozenset[str] | None = None) -> Iterator[Any]:
        return frames_of(self._rows(), only)

    def order(self, seen: list[str]) -> list[str]:
        return sorted(seen) if self._preprocessor else seen

    def _rows(self) -> Iterator[Row]:
        records = within = 0
        empty = True
        for record in records_in(self._files):
            records += 1
            if self._window and not record.is_within(*self._window):
                continue
            within += 1
            found = self._preprocessor.rows(InferenceRecord(record)) if self._preprocessor else None
            for row in self._capture_rows.rows(record) if found is None else found:
                empty = False
                yield row
        if records and not within and self._window:
            start, end = (moment.isoformat() for moment in self._window)
            raise AnalyzerError(messages.WINDOW_EMPTY.format(count=records, start=start, end=end))
        if within and empty and self._preprocessor:
            raise AnalyzerError(messages.ALL_DROPPED.format(count=within))


class PreprocessedLines:
    """CSV and JSON lines that go through a preprocessor as text, one line at a time."""

    def __init__(self, lines: Callable[[], Iterator[str]], preprocessor: Preprocessor) -> None:
        self._lines = lines
        self._preprocessor = preprocessor

    def frames(self, text_columns: frozenset[str], only: frozenset[str] | None = None) -> Iterator[Any]:
        return frames_of(self._rows(), only)

    def order(self, seen: list[str]) -> list[str]:
        return sorted(seen)

    def _rows(self) -> Iterator[Row]:
        count, empty = 0, True
        for line in self._lines():
            count += 1
            for row in self._preprocessor.rows(line):
                empty = False
                yield row
        if count and empty:
            raise AnalyzerError(messages.ALL_DROPPED.format(count=count))


def plain_lines(files: Sequence[Path], skip_first: bool) -> Iterator[str]:
    for path in files:
        skip = skip_first
        for _, line in lines_of(path):
            if not skip:
                yield line
            skip = False
