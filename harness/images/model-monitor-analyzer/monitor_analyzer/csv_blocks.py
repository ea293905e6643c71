"""Cuts CSV files into blocks of whole records, so that no file has to fit into memory."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path

from . import messages
from .errors import AnalyzerError
from .source_files import open_bytes

# The first block is smaller: from it the reader learns which columns it can parse as integers.
FIRST_BLOCK = 4 << 20
BLOCK = 8 << 20
_LONGEST_RECORD = 64 << 20
_BLANK_LINES = re.compile(rb"(?:\r?\n){2,}")


def blocks_of(path: Path) -> Iterator[bytes]:
    """Records as they stand in the file."""
    rest, size = b"", FIRST_BLOCK
    try:
        with open_bytes(path) as stream:
            while True:
                chunk = stream.read(size)
                data = rest + chunk if rest else chunk
                end = last_record_end(data) if chunk else len(data)
                if end:
                    yield data[:end] if end < len(data) else data
                    size = BLOCK
                if not chunk:
                    return
                rest = data[end:]
                if len(rest) > _LONGEST_RECORD:
                    raise AnalyzerError(messages.CSV_QUOTE.format(path=path, limit=_LONGEST_RECORD >> 20))
    except (OSError, EOFError) as error:
        raise AnalyzerError(messages.FILE_UNREADABLE.format(path=path, kind="CSV", reason=error)) from None


def last_record_end(data: bytes) -> int:
    """Just after the last line end that is outside quotes; 0 if there is none."""
    end, inside = len(data), data.count(b'"') % 2 == 1
    while True:
        if inside:
            # The quote that opened the cell; before it lies the end of some record, or another cell.
            end = data.rfind(b'"', 0, end)
        newline = data.rfind(b"\n", 0, end)
        if newline < 0:
            return 0
        inside = data.count(b'"', newline, end) % 2 == 1
        if not inside:
            return newline + 1
        end = newline


def first_record(block: bytes) -> tuple[bytes, bytes]:
    """The first record and everything after it."""
    newline, start, quotes = -1, 0, 0
    while True:
        newline = block.find(b"\n", newline + 1)
        if newline < 0:
            return block, b""
        quotes += block.count(b'"', start, newline)
        start = newline
        if quotes % 2 == 0:
            return block[: newline + 1], block[newline + 1 :]


def cells_of(record: bytes, path: Path) -> list[str]:
    rows = list(csv.reader(io.StringIO(decode(record, path), newline="")))
    return rows[0] if rows else []


def decode(data: bytes, path: Path) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise AnalyzerError(messages.FILE_UNREADABLE.format(path=path, kind="UTF-8 CSV", reason=error)) from None


def without_blank_lines(block: bytes) -> bytes:
    """Next to quotes nothing is left out: a blank line may be part of a cell there."""
    if b'"' in block:
        return block
    return _BLANK_LINES.sub(b"\n", block.lstrip(b"\r\n"))
