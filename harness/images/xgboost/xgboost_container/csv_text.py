"""Checks of a CSV file's text before it is parsed: the delimiter, and cells that are not numbers."""

from __future__ import annotations

import csv
from pathlib import Path

from .errors import UserError
from .logs import log

CHUNK = 4 * 1024 * 1024
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
NUMBER_BYTES = b"0123456789+-.eE \t\r\n"


def delimiter_of(line: str) -> str:
    try:
        delimiter = csv.Sniffer().sniff(line).delimiter
    except Exception as error:
        raise UserError("Could not determine delimiter on line {}:\n{}".format(line[:50], error)) from error
    log.info("Determined delimiter of CSV input is '%s'", delimiter)
    return delimiter


def first_line(path: Path) -> str:
    with path.open(encoding="utf-8-sig", errors="ignore") as stream:
        return stream.readline()


def has_byte_order_mark(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(len(BYTE_ORDER_MARK)) == BYTE_ORDER_MARK


def refuse_text_cells(path: Path, delimiter: str) -> None:
    """DIFFERENCE: the open-source container trains on text cells, silently, as if they were 0.

    A header row or a forgotten category column would spoil the model unnoticed, so the job fails here, in the
    words of the algorithm's earlier releases.
    """
    if not _may_hold_text(path, delimiter):
        return
    with path.open(encoding="utf-8-sig", errors="replace") as stream:
        for line in stream:
            for cell in line.strip().split(delimiter):
                if not _is_number(cell):
                    raise UserError(
                        "Non-numeric value '{}' found in the header line '{}...' of file '{}'. CSV format require no "
                        "header line in it. If header line is already removed, XGBoost does not accept non-numeric "
                        "value in the data.".format(cell, line.strip()[:50], path.name)
                    )


def _may_hold_text(path: Path, delimiter: str) -> bool:
    harmless = NUMBER_BYTES + delimiter.encode()
    with path.open("rb") as stream:
        for chunk in iter(lambda: stream.read(CHUNK), b""):
            if chunk.translate(None, harmless):
                return True
    return False


def _is_number(cell: str) -> bool:
    if not cell.strip():
        return True
    try:
        float(cell)
    except ValueError:
        return False
    return True
