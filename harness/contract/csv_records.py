"""Reads and writes CSV as batch transform does: strictly RFC 4180, one record on each line. Pure functions.

The agent of batch transform is a Go program; a misplaced quote is an error, as in Go's ``encoding/csv``. The error
messages are recorded in job logs in aws/amazon-sagemaker-examples#898 and
aws/sagemaker-tensorflow-serving-container#154. The developer guide ("Batch Transform") says that records with a line
break inside quotes are not supported.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_QUOTED = re.compile(r'"((?:[^"]|"")*)"(?=,|$)')
_NEEDS_QUOTES = re.compile(r'[,"\r\n]|^\s|^\\\.$')


class BadCsv(ValueError):
    """Text that is not valid CSV. The message names line and column."""


def parse_rows(text: str) -> list[list[str]]:
    """Return the cells of each line. Empty lines are skipped."""
    return [_cells(line, number) for number, line in enumerate(_lines(text), 1) if line]


def format_rows(rows: Iterable[Iterable[str]]) -> str:
    """Return the rows as text, with quotes only around cells that need them."""
    return "".join([",".join(map(_quote, row)) + "\n" for row in rows])


def _lines(text: str) -> list[str]:
    lines = text.split("\n")
    return [line.removesuffix("\r") for line in lines] if "\r" in text else lines


def _cells(line: str, number: int) -> list[str]:
    if '"' not in line:
        return line.split(",")
    cells: list[str] = []
    start = 0
    while start <= len(line):
        cell, end = (
            _read_quoted(line, start, number) if line.startswith('"', start) else _read_bare(line, start, number)
        )
        cells.append(cell)
        start = end + 1
    return cells


def _read_quoted(line: str, start: int, number: int) -> tuple[str, int]:
    match = _QUOTED.match(line, start)
    if match is None:
        raise BadCsv(f"{_where(number, start)}: " + 'extraneous or missing " in quoted-field')
    return match.group(1).replace('""', '"'), match.end()


def _read_bare(line: str, start: int, number: int) -> tuple[str, int]:
    comma = line.find(",", start)
    end = comma if comma >= 0 else len(line)
    quote = line.find('"', start, end)
    if quote >= 0:
        raise BadCsv(f"{_where(number, quote)}: " + 'bare " in non-quoted-field')
    return line[start:end], end


def _where(number: int, column: int) -> str:
    return f"parse error on line {number}, column {column + 1}"


def _quote(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"' if _NEEDS_QUOTES.search(cell) else cell
