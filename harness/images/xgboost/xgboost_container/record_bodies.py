"""RecordIO frames, each a `Record` protobuf message, as a matrix: one row per record.

Message: Record.features (field 1) and Record.label (field 2) are each a map<string, Value>; the row, or the label, is
the value of key `values`. A Value holds one
tensor of values (field 1), for a sparse row with their columns (keys, field 2) and how many there are (shape, field 3).
https://docs.aws.amazon.com/sagemaker/latest/dg/cdf-training.html
"""

from __future__ import annotations

import struct
from typing import Any, Iterator, NamedTuple

import numpy as np

from .record_frames import LABEL_FIELD, MAGIC, MAP_KEY, MAP_VALUE, VALUES

FEATURES_FIELD = 1
ROW = "values"
KEYS, SHAPE = 2, 3
FLOAT32_TENSOR, FLOAT64_TENSOR, INT32_TENSOR = 2, 3, 7
# The upper three bits of a frame's length tell the parts of a record that is split over several frames.
LENGTH_BITS = 29
VARINT, EIGHT_BYTES, COUNTED, FOUR_BYTES = 0, 1, 2, 5


class _Row(NamedTuple):
    values: Any
    keys: Any
    width: int | None  # of a sparse row


def parse_records(body: bytes) -> Any:
    """A matrix of floats, or a sparse one when any record is sparse. Raises ValueError."""
    return _matrix([_row(record, FEATURES_FIELD) for record in _frames(body)])


def parse_labelled_records(body: bytes) -> tuple[Any, Any]:
    """A matrix like that of ``parse_records``, and the label of each row. Raises ValueError."""
    rows, labels = [], []
    for record in _frames(body):
        rows.append(_row(record, FEATURES_FIELD))
        label = _row(record, LABEL_FIELD).values
        if len(label) != 1:
            raise ValueError("a record has {} labels".format(len(label)))
        labels.append(label[0])
    return _matrix(rows), np.array(labels)


def _matrix(rows: list[_Row]) -> Any:
    if not rows:
        raise ValueError("there is no record")
    if any(row.width is not None for row in rows):
        return _sparse(rows)
    widths = sorted({len(row.values) for row in rows})
    if len(widths) > 1:
        raise ValueError("records have from {} to {} values".format(widths[0], widths[-1]))
    return np.stack([row.values for row in rows])


def _sparse(rows: list[_Row]) -> Any:
    from scipy.sparse import csr_matrix

    width = max(len(row.values) if row.width is None else row.width for row in rows)
    keys = [row.keys if row.width is not None else np.arange(len(row.values)) for row in rows]
    starts = np.cumsum([0] + [len(row.values) for row in rows])
    values = np.concatenate([row.values for row in rows])
    matrix = csr_matrix((values, np.concatenate(keys), starts), shape=(len(rows), width))
    matrix.check_format()
    return matrix


def _frames(body: bytes) -> Iterator[bytes]:
    position = 0
    while position < len(body):
        if len(body) - position < 8:
            raise ValueError("the last frame is cut off")
        magic, head = struct.unpack_from("<II", body, position)
        if magic != MAGIC:
            raise ValueError("there is no RecordIO frame at byte {}".format(position))
        length = head & (1 << LENGTH_BITS) - 1
        if head != length:
            raise ValueError("records that are split over several frames are not supported")
        start = position + 8
        if start + length > len(body):
            raise ValueError("the last frame is cut off")
        yield body[start : start + length]
        position = start + length + -length % 4


def _row(record: bytes, wanted: int) -> _Row:
    for number, _, entry in _fields(record):
        if number == wanted:
            members = {field: content for field, _, content in _fields(entry)}
            if members.get(MAP_KEY) == ROW.encode():
                return _tensor(members.get(MAP_VALUE, b""))
    raise ValueError("a record has no {} tensor '{}'".format("label" if wanted == LABEL_FIELD else "feature", ROW))


def _tensor(value: bytes) -> _Row:
    for number, _, content in _fields(value):
        if number in (FLOAT32_TENSOR, FLOAT64_TENSOR, INT32_TENSOR):
            parts: dict[int, list[Any]] = {VALUES: [], KEYS: [], SHAPE: []}
            for field, kind, item in _fields(content):
                if field in parts:
                    integral = number == INT32_TENSOR or field != VALUES
                    parts[field].append(_numbers(item, kind, integral, "<f8" if number == FLOAT64_TENSOR else "<f4"))
            values, keys, shape = (np.concatenate(found) if found else np.empty(0) for found in parts.values())
            if not len(keys) and not (len(shape) and shape[-1] != len(values)):
                return _Row(values.astype(float), keys, None)
            if len(keys) != len(values) or not len(shape):
                raise ValueError("a sparse tensor needs as many keys as values, and a shape")
            return _Row(values.astype(float), keys.astype(int), int(shape[-1]))
    raise ValueError("a record's '{}' is no tensor of float32, float64 or int32".format(ROW))


def _numbers(item: Any, kind: int, integral: bool, dtype: str) -> Any:
    """One value, or many packed ones; a writer may do either."""
    if kind == VARINT:
        return np.array([_to_signed(item)])
    if not integral:
        return np.frombuffer(item, dtype=dtype)
    numbers, position = [], 0
    while position < len(item):
        number, position = _varint(item, position)
        numbers.append(_to_signed(number))
    return np.array(numbers, dtype=np.int64)


def _to_signed(number: int) -> int:
    return number - (1 << 64) if number >= 1 << 63 else number


def _varint(data: bytes, position: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        if position >= len(data) or shift > 63:
            raise ValueError("a record is no protobuf message")
        byte = data[position]
        number |= (byte & 0x7F) << shift
        position, shift = position + 1, shift + 7
        if byte < 0x80:
            return number, position


def _fields(message: bytes) -> Iterator[tuple[int, int, Any]]:
    """Number, wire type and content of each field."""
    position = 0
    while position < len(message):
        tag, position = _varint(message, position)
        kind = tag & 7
        if kind == VARINT:
            number, position = _varint(message, position)
            yield tag >> 3, kind, number
            continue
        if kind == COUNTED:
            length, position = _varint(message, position)
        elif kind in (FOUR_BYTES, EIGHT_BYTES):
            length = 4 if kind == FOUR_BYTES else 8
        else:
            raise ValueError("a record is no protobuf message")
        if position + length > len(message):
            raise ValueError("a record is cut off")
        yield tag >> 3, kind, message[position : position + length]
        position += length
