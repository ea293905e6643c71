"""JSON files as frames: one flat object per line, or one document holding an object or a list of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from . import messages
from .errors import AnalyzerError
from .rows import Row, flat_row, frames_of, loads_keeping_numbers
from .source_files import lines_of


class JsonFiles:
    def __init__(self, files: Sequence[Path], lines: bool) -> None:
        self._files = files
        self._lines = lines

    def frames(self, text_columns: frozenset[str], only: frozenset[str] | None = None) -> Iterator[Any]:
        return frames_of(self._rows(), only)

    def order(self, seen: list[str]) -> list[str]:
        """Keys have no order of their own; Spark sorts them."""
        return sorted(seen)

    def _rows(self) -> Iterator[Row]:
        for path in self._files:
            for where, value in _records(path, self._lines):
                yield flat_row(value, where)


def _records(path: Path, lines: bool) -> Iterator[tuple[str, Any]]:
    if lines:
        for number, line in lines_of(path):
            try:
                yield f"{path} line {number}", loads_keeping_numbers(line)
            except ValueError as error:
                text = messages.JSON_LINE.format(path=path, line=number, reason=error)
                raise AnalyzerError(text) from None
        return
    text = "\n".join(line for _, line in lines_of(path))
    if not text:
        return
    try:
        document = loads_keeping_numbers(text)
    except ValueError as error:
        raise AnalyzerError(messages.JSON_DOCUMENT.format(path=path, reason=error)) from None
    for number, value in enumerate(document if isinstance(document, list) else [document], start=1):
        yield f"{path} record {number}", value
