"""A request's bytes as a table of numbers, with the container's rules for csv, libsvm and recordio-protobuf.

Large csv bodies go through pandas; whatever it stumbles over is read again the slow way, which decides and words the
error. Both give the float64 values Python's float() gives.
"""

from __future__ import annotations

import csv
import io
from typing import Any

import numpy as np

from .content_types import CSV, LIBSVM, RECORDIO_PROTOBUF, data_format
from .record_bodies import parse_records

SMALL = 16 * 1024
SNIFFED = 512
PREFERRED_DELIMITER = ","


class UnreadableBody(Exception):
    """Answered with status 415 and this text."""


def parse_body(body: bytes, content_type: str | None, shifts_libsvm: bool = False) -> tuple[Any, str]:
    """(matrix of floats or sparse matrix, format)."""
    name = data_format(content_type)
    if name not in (CSV, LIBSVM, RECORDIO_PROTOBUF):
        raise UnreadableBody("Content-type {} is not supported.".format(content_type))
    try:
        return _parse(body, name, shifts_libsvm), name
    except Exception as error:
        raise UnreadableBody(
            "Loading {} data failed with Exception, please ensure data is in {} format:\n {}\n {}".format(
                name, name, type(error), error
            )
        ) from error


def _parse(body: bytes, name: str, shifts_libsvm: bool) -> Any:
    if name == RECORDIO_PROTOBUF:
        return parse_records(body)
    return _parse_csv(body.strip()) if name == CSV else _parse_libsvm(body.strip().decode("utf-8"), shifts_libsvm)


def _parse_csv(body: bytes) -> Any:
    delimiter = delimiter_of(body[: 4 * SNIFFED].decode("utf-8", "ignore").split("\n", 1)[0][:SNIFFED])
    table = None if len(body) <= SMALL else _parse_large(body, delimiter)
    if table is None:
        table = _parse_exactly(body.decode("utf-8"), delimiter)
    if np.isinf(table).any():
        raise ValueError("Input data contains `inf` or a value too large, while `missing` is not set to `inf`")
    return table


def delimiter_of(line: str) -> str:
    # csv.Sniffer answers just this for such lines, a hundred times slower.
    if PREFERRED_DELIMITER in line and '"' not in line and "'" not in line:
        return PREFERRED_DELIMITER
    delimiter = csv.Sniffer().sniff(line).delimiter
    return PREFERRED_DELIMITER if delimiter.isalnum() else delimiter


def _parse_exactly(text: str, delimiter: str) -> Any:
    rows = [[float(cell) if cell else np.nan for cell in line.split(delimiter)] for line in text.split("\n")]
    return np.array(rows, dtype=float)


def _parse_large(body: bytes, delimiter: str) -> Any:
    """Parse a large body quickly; return None if it needs the exact parser."""
    import pandas as pd

    if b"\r" in body:
        body = body.replace(b"\r\n", b"\n")
    if b"\r" in body or len(delimiter) != 1 or not delimiter.isascii():
        return None
    options: dict[str, Any] = {
        "sep": delimiter, "header": None, "engine": "c", "low_memory": False, "dtype": np.float64,
        "quoting": csv.QUOTE_NONE, "keep_default_na": False, "na_values": [""], "skip_blank_lines": False,
    }  # fmt: skip
    if pd.__version__ < "3":
        options["float_precision"] = "round_trip"  # later releases are exact without being asked
    try:
        table = pd.read_csv(io.BytesIO(body), **options).to_numpy()
    except (ValueError, OverflowError):
        return None
    return table if _is_even(table, body, delimiter.encode()) else None


def _is_even(table: Any, body: bytes, delimiter: bytes) -> bool:
    """pandas complains of rows longer than the first and fills shorter ones with NaN, up to the last column."""
    if not np.isnan(table[:, -1]).any():
        return True
    rows, columns = table.shape
    return body.count(delimiter) == (int(columns) - 1) * int(rows)


def _parse_libsvm(text: str, shifts: bool) -> Any:
    """Parse LIBSVM text. With `shifts`, a body whose lowest index is not 0 counts from 1."""
    from scipy.sparse import csr_matrix

    rows: list[int] = []
    columns: list[str] = []
    values: list[str] = []
    for number, line in enumerate(text.split("\n")):
        for token in line.split(" "):
            if ":" in token:
                parts = token.split(":")
                rows.append(number)
                columns.append(parts[0])
                values.append(parts[1])
    numbers = np.array(columns).astype(int)
    if shifts and len(numbers) and numbers.min() >= 1:
        numbers -= 1
    return csr_matrix((np.array(values).astype(float), (np.array(rows), numbers)))
