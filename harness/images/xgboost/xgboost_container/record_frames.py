"""RecordIO frames holding the `Record` protobuf message of SageMaker's algorithms, for answers only.

Message: Record.label (field 2) is a map<string, Value>; Value.float32_tensor (field 2) has packed values (field 1).
https://docs.aws.amazon.com/sagemaker/latest/dg/cdf-training.html
"""

from __future__ import annotations

import struct
from typing import Any

MAGIC = 0xCED7230A
LABEL_FIELD = 2
MAP_KEY, MAP_VALUE = 1, 2
FLOAT32_TENSOR = 2
VALUES = 1


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _record(item: dict[str, Any]) -> bytes:
    encoded = b""
    for key, value in item.items():
        numbers = value if isinstance(value, list) else [value]
        tensor = _field(VALUES, struct.pack("<{}f".format(len(numbers)), *numbers))
        entry = _field(MAP_KEY, key.encode()) + _field(MAP_VALUE, _field(FLOAT32_TENSOR, tensor))
        encoded += _field(LABEL_FIELD, entry)
    return encoded


def encode_records(items: list[dict[str, Any]]) -> bytes:
    # Each frame repeats all records before its own: a slip of the container that its readers see.
    frames, written = [], b""
    for item in items:
        written += _record(item)
        padding = b"\0" * (-len(written) % 4)
        frames.append(struct.pack("<II", MAGIC, len(written)) + written + padding)
    return b"".join(frames)
