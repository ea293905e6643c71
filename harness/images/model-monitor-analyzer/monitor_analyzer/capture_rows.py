"""Turns one captured record into rows: the values of the output, then those of the input."""

from __future__ import annotations

import base64
import binascii
import csv
import io
from collections.abc import Sequence
from typing import Any

from . import messages
from .captured_records import CapturedRecord
from .errors import AnalyzerError
from .rows import Row, flat_row, loads_keeping_numbers

# A CSV line has values by position, a JSON line by name.
_Line = list[str | None] | Row
_ENCODINGS = ("CSV", "JSON", "BASE64")


class CaptureRows:
    """`names`: the baseline's column names, which positions stand for."""

    def __init__(self, sides: Sequence[str], names: Sequence[str]) -> None:
        self._sides = sides
        self._names = list(names)

    def rows(self, record: CapturedRecord) -> list[Row]:
        self._refuse_mixed_encodings(record)
        parts = [(side, _lines(record, side)) for side in self._sides]
        first, first_lines = parts[0]
        for side, lines in parts[1:]:
            if len(lines) != len(first_lines):
                text = messages.CAPTURE_LINES.format(
                    where=record.where,
                    first=first,
                    first_count=len(first_lines),
                    second=side,
                    second_count=len(lines),
                )
                raise AnalyzerError(text)
        return [self._row(record, lines) for lines in zip(*(lines for _, lines in parts), strict=True)]

    def _refuse_mixed_encodings(self, record: CapturedRecord) -> None:
        """Refuse a record in the words of aws/sagemaker-python-sdk#2785, which name the input first."""
        known = {side: encoding for side in sorted(self._sides) if (encoding := _encoding(record, side)) in _ENCODINGS}
        if len(set(known.values())) > 1:
            (first, one), (second, other), *_ = known.items()
            raise AnalyzerError(messages.CAPTURE_ENCODINGS.format(first=first, one=one, second=second, other=other))

    def _row(self, record: CapturedRecord, lines: tuple[_Line, ...]) -> Row:
        row: Row = {}
        position = 0
        for line in lines:
            named = line if isinstance(line, dict) else self._name_values(line, position)
            for name, value in named.items():
                if name in row:
                    raise AnalyzerError(messages.CAPTURE_SAME_KEY.format(where=record.where, name=name))
                row[name] = value
            position += len(line)
        return row

    def _name_values(self, values: list[str | None], start: int) -> Row:
        named: Row = {}
        for position, value in enumerate(values, start=start):
            known = position < len(self._names)
            named[self._names[position] if known else f"_c{position}"] = value
        return named


def _lines(record: CapturedRecord, side: str) -> list[_Line]:
    payload = record.capture_data.get(side)
    if not isinstance(payload, dict) or not isinstance(payload.get("data"), str):
        raise AnalyzerError(messages.CAPTURE_SIDE.format(where=record.where, side=side))
    encoding, text = payload.get("encoding"), payload["data"]
    where = f"{record.where}, {side}"
    if encoding == "CSV":
        return _csv_lines(text)
    if encoding == "JSON":
        return _json_lines(text, where)
    if encoding == "BASE64":
        return _base64_lines(payload, record.where, side)
    text = messages.CAPTURE_ENCODING.format(where=record.where, side=side, value=encoding)
    raise AnalyzerError(text)


def _encoding(record: CapturedRecord, side: str) -> Any:
    payload = record.capture_data.get(side)
    return payload.get("encoding") if isinstance(payload, dict) else None


def _csv_lines(text: str) -> list[_Line]:
    if '"' not in text:
        return [[cell or None for cell in line.split(",")] for line in text.splitlines() if line]
    reader = csv.reader(io.StringIO(text, newline=""))
    return [[cell or None for cell in cells] for cells in reader if cells]


def _json_lines(text: str, where: str) -> list[_Line]:
    """One flat object, however it is laid out, or one per line."""
    try:
        return [flat_row(loads_keeping_numbers(text), where)]
    except ValueError:
        pass
    return [flat_row(_json_value(line, where), where) for line in text.splitlines() if line.strip()]


def _json_value(line: str, where: str) -> Any:
    try:
        return loads_keeping_numbers(line)
    except ValueError as error:
        raise AnalyzerError(messages.FILE_UNREADABLE.format(path=where, kind="JSON", reason=error)) from None


def _base64_lines(payload: dict[str, Any], where: str, side: str) -> list[_Line]:
    content_type = str(payload.get("observedContentType") or "")
    try:
        text = base64.b64decode(payload["data"], validate=True).decode("utf-8")
    except (binascii.Error, ValueError) as error:
        raise AnalyzerError(
            messages.CAPTURE_BASE64.format(where=where, side=side, content_type=content_type, reason=error)
        ) from None
    if "json" in content_type.lower():
        return _json_lines(text, f"{where}, {side}")
    return _csv_lines(text)
