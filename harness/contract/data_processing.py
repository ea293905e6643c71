"""DataProcessing of transform jobs: InputFilter, model, JoinSource, OutputFilter, on CSV, JSON and JSON Lines. Pure.

Follows "Associate Prediction Results with Input Records" in the developer guide. Its text and its operator table differ
on slices: the end of a slice is exclusive here, as in the table. Bodies without filter and join are not parsed at all.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from harness.contract.csv_records import BadCsv, format_rows, parse_rows
from harness.contract.go_json import json_text

CSV = "text/csv"
JSON = "application/json"
JSON_LINES = "application/jsonlines"
FORMATS = (CSV, JSON, JSON_LINES)

_INDEXES = re.compile(r"\$\[\s*(-?\d+(?:\s*,\s*-?\d+)*)\s*\]")
_NAMES = re.compile(r"""\$\[\s*(?:'[^']*'|"[^"]*")(?:\s*,\s*(?:'[^']*'|"[^"]*"))*\s*\]""")
_NAME = re.compile(r"""'([^']*)'|"([^"]*)\"""")
_UNSUPPORTED = ("..", "?", "(", "@")
_NOT_SPACE = re.compile(r"[^ \t\r\n]")


class BadData(Exception):
    """A filter does not fit the data, or records and answers cannot be joined."""


@dataclass(frozen=True)
class Filter:
    """A JSONPath of the documented subset. ``$`` selects everything."""

    text: str

    def __post_init__(self) -> None:
        if not self.text.startswith("$") or any(mark in _NAME.sub("", self.text) for mark in _UNSUPPORTED):
            raise BadData(
                f"{self.text!r} is not a JSONPath that batch transform takes: it starts with $, and has no recursive "
                "descent, filters or functions"
            )
        import jsonpath  # imported here and below, since it takes time and is only needed for filters

        try:
            jsonpath.compile(self.text)
        except jsonpath.JSONPathError as error:
            raise BadData(f"{self.text!r} is not a JSONPath: {str(error).splitlines()[0]}") from error

    @property
    def keeps_all(self) -> bool:
        return self.text == "$"

    def columns(self, width: int) -> list[int]:
        """Return the selected columns of a row of ``width`` cells, in the order of the filter."""
        self._check_indexes(width, "columns")
        import jsonpath

        matches = jsonpath.findall(self.text, list(range(width)))
        if matches == [list(range(width))]:
            return list(range(width))
        if not matches or not all(isinstance(item, int) for item in matches):
            raise BadData(f"filter {self.text!r} names no columns of a row of {width}: CSV rows take index paths only")
        return [int(item) for item in matches]

    def of(self, document: Any) -> Any:
        """Return the selected part of a JSON document: one value for a single path, an object for a list of names."""
        if isinstance(document, list):
            self._check_indexes(len(document), "items")
        if isinstance(document, dict):
            self._check_names(document)
        import jsonpath

        path = jsonpath.compile(self.text)
        matches = list(jsonpath.finditer(self.text, document))
        if not matches:
            raise BadData(f"filter {self.text!r} matches nothing in the record")
        if isinstance(path, jsonpath.JSONPath) and path.singular_query():
            return matches[0].obj
        if all(isinstance(match.parts[-1], str) for match in matches) and isinstance(document, dict):
            return {str(match.parts[-1]): match.obj for match in matches}
        return [match.obj for match in matches]

    def _check_indexes(self, width: int, what: str) -> None:
        """Raise ``BadData`` if a listed index is out of range. The JSONPath library would skip it."""
        named = _INDEXES.fullmatch(self.text)
        for index in named.group(1).split(",") if named else ():
            if not -width <= int(index) < width:
                raise BadData(f"filter {self.text!r}: index {index.strip()} is out of range for {width} {what}")

    def _check_names(self, document: Mapping[str, Any]) -> None:
        if _NAMES.fullmatch(self.text):
            missing = [name for name in map("".join, _NAME.findall(self.text)) if name not in document]
            if missing:
                raise BadData(f"filter {self.text!r}: the record has no {', '.join(map(repr, missing))}")


@dataclass(frozen=True)
class DataProcessing:
    input_filter: Filter
    output_filter: Filter
    join: bool

    @classmethod
    def of(cls, config: Mapping[str, str]) -> DataProcessing:
        return cls(
            Filter(config.get("InputFilter", "$")),
            Filter(config.get("OutputFilter", "$")),
            config.get("JoinSource", "None") == "Input",
        )

    @property
    def changes_input(self) -> bool:
        return not self.input_filter.keeps_all

    @property
    def changes_output(self) -> bool:
        return self.join or not self.output_filter.keeps_all

    def mismatch(self, sent: str, answered: str) -> str:
        """Return why these content types cannot be filtered or joined; empty if they can.

        CreateTransformJob accepts such a request, and the job fails ("Associate Prediction Results with Input Records"
        in the developer guide).
        """
        needed = [("TransformInput.ContentType", sent)] if self.changes_input or self.join else []
        needed += [("TransformOutput.Accept", answered)] if self.changes_output else []
        for member, kind in needed:
            if kind not in FORMATS:
                return f"DataProcessing needs {member} to be one of {', '.join(FORMATS)}, not {kind!r}"
        if self.join and sent != answered:
            return (
                "JoinSource Input needs the same TransformInput.ContentType and TransformOutput.Accept, "
                f"not {sent!r} and {answered!r}"
            )
        return ""

    def filter_input(self, body: bytes, kind: str) -> bytes:
        if kind == CSV:
            rows = _rows(body)
            return _csv(_pick(self.input_filter, rows))
        return _dump([self.input_filter.of(document) for document in _documents(body, kind)], kind)

    def finish(self, sent: bytes, answer: bytes, kind: str) -> bytes:
        """Join the records from before the input filter with the model's answers, then apply the output filter."""
        if kind == CSV:
            return self._finish_csv(sent, answer)
        answers = _documents(answer, kind, _ANSWER)
        if self.join:
            records = _documents(sent, kind)
            _same_length(records, answers)
            answers = [_join(record, answer) for record, answer in zip(records, answers, strict=True)]
        return _dump([self.output_filter.of(document) for document in answers], kind)

    def _finish_csv(self, sent: bytes, answer: bytes) -> bytes:
        answers = _rows(answer, _ANSWER)
        if self.join:
            records = _rows(sent)
            _same_length(records, answers)
            answers = [record + answer for record, answer in zip(records, answers, strict=True)]
        return _csv(_pick(self.output_filter, answers))


def media_type(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


_ANSWER = "output from the algorithm"


def _rows(body: bytes, what: str = "input") -> list[list[str]]:
    try:
        return parse_rows(body.decode())
    except (UnicodeDecodeError, BadCsv) as error:
        raise BadData(f"Failed to parse {what} as CSV: {error}") from error


def _pick(chosen: Filter, rows: Iterable[list[str]]) -> list[list[str]]:
    if chosen.keeps_all:
        return list(rows)
    plans: dict[int, list[int]] = {}
    picked = []
    for row in rows:
        columns = plans.setdefault(len(row), []) or chosen.columns(len(row))
        plans[len(row)] = columns
        picked.append([row[index] for index in columns])
    return picked


def _csv(rows: Iterable[list[str]]) -> bytes:
    return format_rows(rows).encode()


def _documents(body: bytes, kind: str, what: str = "input") -> list[Any]:
    """Return the documents of a body: one on each line for JSON Lines, else the JSON documents one after the other."""
    try:
        if kind == JSON:
            return list(_json_values(body.decode()))
        return [json.loads(line) for line in body.splitlines() if line.strip()]
    except ValueError as error:
        raise BadData(f"Failed to parse {what} as JSON: {error}") from error


def _json_values(text: str) -> Iterator[Any]:
    decoder, start = json.JSONDecoder(), 0
    while match := _NOT_SPACE.search(text, start):
        value, start = decoder.raw_decode(text, match.start())
        yield value


def _dump(documents: Iterable[Any], kind: str) -> bytes:
    return ("\n".join(map(json_text, documents)) + ("\n" if kind == JSON_LINES else "")).encode()


def _join(record: Any, answer: Any) -> dict[str, Any]:
    if isinstance(record, dict):
        return {**record, "SageMakerOutput": answer}
    return {"SageMakerInput": record, "SageMakerOutput": answer}


def _same_length(records: list[Any], answers: list[Any]) -> None:
    if len(records) != len(answers):
        raise BadData(f"cannot join: {len(records)} records were sent and {len(answers)} answers came back")
