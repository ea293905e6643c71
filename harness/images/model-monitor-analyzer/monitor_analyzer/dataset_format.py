"""The dataset_format setting: which kind of files the data set has, in the spellings the SDK and the API use."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from . import messages
from .errors import AnalyzerError

CSV, JSON, PARQUET, CAPTURE = "csv", "json", "parquet", "sagemakerCaptureJson"
OUTPUT_SIDES = ("endpointOutput", "batchTransformOutput")
INPUT_SIDES = ("endpointInput", "batchTransformInput")

_KINDS = {kind.lower(): kind for kind in (CSV, JSON, PARQUET, CAPTURE)}
# API members (Header, Line) and the analyzer's own (header, lines) differ by case and plural only.
_OPTIONS = {
    CSV: {"header": "header", "output_columns_position": "output_columns_position"},
    JSON: {"lines": "lines", "line": "lines"},
    PARQUET: {},
    CAPTURE: {"captureindexnames": "captureIndexNames"},
}


@dataclass(frozen=True)
class DatasetFormat:
    kind: str
    header: bool = True
    output_last: bool = False
    lines: bool = True
    capture_sides: tuple[str, ...] = ("endpointOutput", "endpointInput")


def parse_dataset_format(text: str) -> DatasetFormat:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise AnalyzerError(messages.FORMAT_JSON.format(value=text, reason=error)) from None
    if not isinstance(value, dict) or len(value) != 1:
        raise AnalyzerError(messages.FORMAT_SHAPE.format(value=text, choices=", ".join(_KINDS.values())))
    name, options = next(iter(value.items()))
    if name.lower() == "sagemakermergejson":
        raise AnalyzerError(messages.FORMAT_MERGE)
    kind = _KINDS.get(name.lower())
    if kind is None or not isinstance(options, (dict, type(None))):
        raise AnalyzerError(messages.FORMAT_SHAPE.format(value=text, choices=", ".join(_KINDS.values())))
    return _with_options(kind, _name_options(kind, options or {}))


def _name_options(kind: str, options: dict[str, Any]) -> dict[str, Any]:
    known = _OPTIONS[kind]
    named = {}
    for option, value in options.items():
        if option.lower() not in known:
            choices = ", ".join(sorted(set(known.values()))) or "none"
            text = messages.FORMAT_UNKNOWN_OPTION.format(kind=kind, option=option, choices=choices)
            raise AnalyzerError(text)
        named[known[option.lower()]] = value
    return named


def _with_options(kind: str, options: dict[str, Any]) -> DatasetFormat:
    position = options.get("output_columns_position") or "START"
    if position not in ("START", "END"):
        raise _wrong(kind, "output_columns_position", position, "START or END")
    for option in ("header", "lines"):
        if not isinstance(options.get(option, True), bool):
            raise _wrong(kind, option, options[option], "true or false")
    sides = options.get("captureIndexNames")
    if sides is None:
        sides = ["endpointOutput", "endpointInput"]
    if not isinstance(sides, list) or not sides or any(side not in OUTPUT_SIDES + INPUT_SIDES for side in sides):
        expected = "a list of " + ", ".join(OUTPUT_SIDES + INPUT_SIDES)
        raise _wrong(kind, "captureIndexNames", sides, expected)
    # Columns are the output's values, then the input's, whatever order the names are listed in.
    ordered = tuple(side for side in OUTPUT_SIDES + INPUT_SIDES if side in sides)
    header, lines = options.get("header", True), options.get("lines", True)
    return DatasetFormat(kind, header=header, output_last=position == "END", lines=lines, capture_sides=ordered)


def _wrong(kind: str, option: str, value: Any, expected: str) -> AnalyzerError:
    shown = json.dumps(value)
    return AnalyzerError(messages.FORMAT_OPTION.format(kind=kind, option=option, value=shown, expected=expected))
