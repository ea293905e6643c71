"""Summary of the requests that data capture recorded: the first one as a table, the next ones as one line each."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MOST_ROWS, MOST_CELLS, MOST_RECORDS, MOST_TEXT, LONGEST_LINE = 10, 30, 20, 4_000, 100
Record = Mapping[str, Any]


@dataclass(frozen=True)
class Side:
    """The body of a request or of a response: as ``table`` if it is CSV, else as ``text``. ``rows`` counts all rows."""

    type: str
    encoding: str
    rows: int
    table: tuple[tuple[str, ...], ...] = ()
    text: str = ""


@dataclass(frozen=True)
class Line:
    """One captured request in one line: the beginnings of both bodies."""

    time: str
    id: str
    request: str
    response: str


@dataclass(frozen=True)
class CapturedTraffic:
    count: int
    first: Line | None
    request: Side | None
    response: Side | None
    others: tuple[Line, ...]
    answers: tuple[float, ...]
    """The numbers of all responses if each of them is CSV with one number for each row, else empty."""

    @property
    def left_out(self) -> int:
        return self.count - len(self.others) - bool(self.first)


def summarise_traffic(records: Sequence[Record]) -> CapturedTraffic:
    """Summarise captured records; the long ones and those beyond ``MOST_RECORDS`` are cut."""
    lines = [_line(record) for record in records[: MOST_RECORDS + 1]]
    first = _sides(records[0]) if records else (None, None)
    return CapturedTraffic(
        count=len(records),
        first=lines[0] if lines else None,
        request=_side(first[0]),
        response=_side(first[1]),
        others=tuple(lines[1:]),
        answers=_answers(records),
    )


def _sides(record: Record) -> tuple[Record | None, Record | None]:
    data = record["captureData"]
    return data.get("endpointInput"), data.get("endpointOutput") or data.get("batchTransformOutput")


def _side(side: Record | None) -> Side | None:
    if side is None:
        return None
    type_, encoding, data = str(side.get("observedContentType", "")), str(side.get("encoding", "")), str(side["data"])
    if encoding == "CSV":
        rows = [row for row in csv.reader(io.StringIO(data)) if row]
        return Side(type_, encoding, len(rows), tuple(tuple(row[:MOST_CELLS]) for row in rows[:MOST_ROWS]))
    return Side(type_, encoding, data.count("\n") + 1, text=_short(_indent(data) if encoding == "JSON" else data))


def _indent(data: str) -> str:
    try:
        return json.dumps(json.loads(data), indent=2)
    except ValueError:
        return data


def _short(text: str) -> str:
    return text if len(text) <= MOST_TEXT else f"{text[:MOST_TEXT]} … ({len(text):,} characters)"


def _line(record: Record) -> Line:
    about = record.get("eventMetadata") or {}
    request, response = (_beginning(side) for side in _sides(record))
    return Line(str(about.get("inferenceTime", "")), str(about.get("eventId", "")), request, response)


def _beginning(side: Record | None) -> str:
    text = str(side["data"]).strip() if side else ""
    line = text.partition("\n")[0][:LONGEST_LINE]
    return line if line == text else f"{line} …"


def _answers(records: Sequence[Record]) -> tuple[float, ...]:
    numbers: list[float] = []
    for record in records:
        response = _sides(record)[1]
        if response is None or response.get("encoding") != "CSV":
            return ()
        try:
            numbers += [float(word) for word in str(response["data"]).split()]
        except ValueError:
            return ()
    return tuple(filter(math.isfinite, numbers))
