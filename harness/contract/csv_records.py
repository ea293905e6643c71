"""CSV as the agent of batch transform, a Go program, reads and writes it: RFC 4180, strictly, one record on each line.

Pure. Nothing is repaired: a quote in the wrong place is an error, as it is for Go's ``encoding/csv``. The words of the
errors are those of job logs in aws/amazon-sagemaker-examples#898 and aws/sagemaker-tensorflow-serving-container#154.
The developer guide ("Batch Transform") says that records with a line break inside quotes are not supported.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_QUOTED = re.compile(r'"((?:[^"]|"")*)"(?=,|$)')
_NEEDS_QUOTES = re.compile(r'[,"\r\n]|^\s|^\\\.$')


class BadCsv(ValueError):
    """Text that is not CSV; the message says where."""


def parse_rows(text: str) -> list[list[str]]:
    """The cells of each line; empty lines are no records."""
    return [_cells(line, number) for number, line in enumerate(_lines(text), 1) if line]


def format_rows(rows: Iterable[Iterable[str]]) -> str:
    """The rows as lines, with quotes only where a cell needs them."""
    return "".join([",".join(map(_written, row)) + "\n" for row in rows])


def _lines(text: str) -> list[str]:
    lines = text.split("\n")
    return [line.removesuffix("\r") for line in lines] if "\r" in text else lines


def _cells(line: str, number: int) -> list[str]:
    if '"' not in line:
        return line.split(",")
    cells: list[str] = []
    start = 0
    while start <= len(line):
        cell, end = _quoted(line, start, number) if line.startswith('"', start) else _bare(line, start, number)
        cells.append(cell)
        start = end + 1
    return cells


def _quoted(line: str, start: int, number: int) -> tuple[str, int]:
    match = _QUOTED.match(line, start)
    if match is None:
        raise BadCsv(f"{_where(number, start)}: " + 'extraneous or missing " in quoted-field')
    return match.group(1).replace('""', '"'), match.end()


def _bare(line: str, start: int, number: int) -> tuple[str, int]:
    comma = line.find(",", start)
    end = comma if comma >= 0 else len(line)
    quote = line.find('"', start, end)
    if quote >= 0:
        raise BadCsv(f"{_where(number, quote)}: " + 'bare " in non-quoted-field')
    return line[start:end], end


def _where(number: int, column: int) -> str:
    return f"parse error on line {number}, column {column + 1}"


def _written(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"' if _NEEDS_QUOTES.search(cell) else cell
