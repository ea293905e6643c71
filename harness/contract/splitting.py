"""Splitting an object into records and packing records into request bodies, as batch transform does. Pure generators.

Record bytes are kept as they are: a line keeps its newline in a MultiRecord body.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

_RECORDIO_MAGIC = 0xCED7230A
_LONGEST_RECORD = 1 << 29
"""Of RecordIO by its format; a TFRecord length beyond it is taken for what it is, other data."""
LARGEST_BODY = 1 << 30
"""Bytes of a body that has no limit (MaxPayloadInMB 0): it is held in memory, and may come from a small gzip object."""


class BadRecords(Exception):
    """The object cannot be cut as asked; the text names why."""


def lines(stream: BinaryIO, limit: int) -> Iterator[bytes]:
    """Lines with their newline; blank lines are no records (XGBoost's own container would refuse them)."""
    while line := stream.readline(limit + 1):
        if len(line) > limit:
            raise BadRecords(_too_large(limit))
        if line.strip():
            yield line


def recordio(stream: BinaryIO, limit: int) -> Iterator[bytes]:
    """RecordIO frames: magic, little-endian length, payload, padding to four bytes. Yields whole frames."""
    while header := stream.read(8):
        if len(header) < 8:
            raise BadRecords("RecordIO data ends inside a header")
        magic, length = struct.unpack("<II", header)
        if magic != _RECORDIO_MAGIC:
            raise BadRecords(f"not RecordIO data: magic {magic:#x}")
        if length >= _LONGEST_RECORD:
            raise BadRecords("RecordIO records that are cut into parts are not supported by harness")
        if length > limit:
            raise BadRecords(_too_large(limit))
        padded = length + (-length % 4)
        payload = stream.read(padded)
        if len(payload) < padded:
            raise BadRecords("RecordIO data ends inside a record")
        yield header + payload


def recordio_payload(frame: bytes) -> bytes:
    """The payload alone: what a SingleRecord request carries."""
    length: int = struct.unpack("<I", frame[4:8])[0]
    return frame[8 : 8 + length]


def tfrecord(stream: BinaryIO, limit: int) -> Iterator[bytes]:
    """TFRecord frames: little-endian length, its checksum, payload, its checksum. Yields whole frames, unverified."""
    while header := stream.read(12):
        if len(header) < 12:
            raise BadRecords("TFRecord data ends inside a header")
        length: int = struct.unpack("<Q", header[:8])[0]
        if length >= _LONGEST_RECORD:
            raise BadRecords(f"not TFRecord data: a record of {length} bytes")
        if length > limit:
            raise BadRecords(_too_large(limit))
        rest = stream.read(length + 4)
        if len(rest) < length + 4:
            raise BadRecords("TFRecord data ends inside a record")
        yield header + rest


def tfrecord_payload(frame: bytes) -> bytes:
    """The payload alone: what a SingleRecord request carries."""
    return frame[12:-4]


def packed_lines(stream: BinaryIO, limit: int) -> Iterator[bytes]:
    """MultiRecord bodies of whole lines, each at most ``limit`` bytes: read in blocks, cut at the last newline."""
    left = b""
    while block := stream.read(max(limit - len(left), 1)):
        body = left + block
        if len(body) < limit:
            left = body
            continue
        cut = body.rfind(b"\n") + 1
        if cut == 0:
            if stream.read(1):
                raise BadRecords(_too_large(limit))
            cut = limit  # the only line left fits exactly and has no newline
        yield from _filled(body[:cut])
        left = body[cut:]
    yield from _filled(left)


def _filled(body: bytes) -> Iterator[bytes]:
    """The body without its blank lines; nothing when nothing is left."""
    if body.startswith((b"\n", b"\r\n")) or b"\n\n" in body or b"\n\r\n" in body:
        body = b"".join(line for line in body.splitlines(keepends=True) if line.strip())
    if body.strip():
        yield body


def packed(records: Iterator[bytes], limit: int) -> Iterator[bytes]:
    """MultiRecord bodies: greedily filled with whole records up to ``limit`` bytes."""
    held: list[bytes] = []
    size = 0
    for record in records:
        if len(record) > limit:
            raise BadRecords(_too_large(limit))
        if held and size + len(record) > limit:
            yield b"".join(held)
            held, size = [], 0
        held.append(record)
        size += len(record)
    if held:
        yield b"".join(held)


def single(records: Iterator[bytes], limit: int) -> Iterator[bytes]:
    for record in records:
        if len(record) > limit:
            raise BadRecords(_too_large(limit))
        yield record


def whole(stream: BinaryIO, limit: int) -> Iterator[bytes]:
    """SplitType None: the object as one body; ``limit`` 0 is none."""
    body = stream.read((limit or LARGEST_BODY) + 1)
    if limit and len(body) > limit:
        raise BadRecords(_too_large(limit))
    if len(body) > LARGEST_BODY:
        raise BadRecords(f"Too much data: harness sends at most {LARGEST_BODY >> 20} MB as one body; set SplitType")
    yield body


def _too_large(limit: int) -> str:
    return f"Too much data for max payload size: a record is larger than MaxPayloadInMB ({limit / (1 << 20):g} MB)"
