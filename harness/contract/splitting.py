"""Splits objects into records and packs records into request bodies, as batch transform does. Pure generators.

Follows SplitType of TransformInput and BatchStrategy of CreateTransformJob in the API reference. The bytes of records
are not changed: a line keeps its newline in a MultiRecord body.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

_RECORDIO_MAGIC = 0xCED7230A
_LONGEST_RECORD = 1 << 29
"""The longest record of the RecordIO format. A longer TFRecord means that the data has another format."""
LARGEST_BODY = 1 << 30
"""The most bytes of a body with MaxPayloadInMB 0, which AWS does not limit: harness holds bodies in memory."""


class BadRecords(Exception):
    """The object cannot be split into records. The message says why."""


def lines(stream: BinaryIO, limit: int) -> Iterator[bytes]:
    """Yield lines with their newline. Blank lines are skipped; the XGBoost container would refuse them."""
    while line := stream.readline(limit + 1):
        if len(line) > limit:
            raise BadRecords(_too_large(limit))
        if line.strip():
            yield line


def recordio(stream: BinaryIO, limit: int) -> Iterator[bytes]:
    """Yield RecordIO frames: magic, little-endian length, payload, padding to four bytes."""
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
    """Return the payload of a frame, which is the body of a SingleRecord request."""
    length: int = struct.unpack("<I", frame[4:8])[0]
    return frame[8 : 8 + length]


def tfrecord(stream: BinaryIO, limit: int) -> Iterator[bytes]:
    """Yield TFRecord frames: little-endian length, checksum, payload, checksum. Checksums are not verified."""
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
    """Return the payload of a frame, which is the body of a SingleRecord request."""
    return frame[12:-4]


def pack_lines(stream: BinaryIO, limit: int) -> Iterator[bytes]:
    """Yield MultiRecord bodies of whole lines, each at most ``limit`` bytes. Blocks are cut at their last newline."""
    rest = b""
    while block := stream.read(max(limit - len(rest), 1)):
        body = rest + block
        if len(body) < limit:
            rest = body
            continue
        cut = body.rfind(b"\n") + 1
        if cut == 0:
            if stream.read(1):
                raise BadRecords(_too_large(limit))
            cut = limit  # the last line fits exactly and has no newline
        yield from _drop_blank_lines(body[:cut])
        rest = body[cut:]
    yield from _drop_blank_lines(rest)


def _drop_blank_lines(body: bytes) -> Iterator[bytes]:
    """Yield the body without its blank lines, if any other line remains."""
    if body.startswith((b"\n", b"\r\n")) or b"\n\n" in body or b"\n\r\n" in body:
        body = b"".join(line for line in body.splitlines(keepends=True) if line.strip())
    if body.strip():
        yield body


def pack(records: Iterator[bytes], limit: int) -> Iterator[bytes]:
    """Yield MultiRecord bodies, each with as many whole records as fit into ``limit`` bytes."""
    batch: list[bytes] = []
    size = 0
    for record in records:
        if len(record) > limit:
            raise BadRecords(_too_large(limit))
        if batch and size + len(record) > limit:
            yield b"".join(batch)
            batch, size = [], 0
        batch.append(record)
        size += len(record)
    if batch:
        yield b"".join(batch)


def single(records: Iterator[bytes], limit: int) -> Iterator[bytes]:
    for record in records:
        if len(record) > limit:
            raise BadRecords(_too_large(limit))
        yield record


def whole(stream: BinaryIO, limit: int) -> Iterator[bytes]:
    """Yield the object as one body (SplitType None). A ``limit`` of 0 means no limit."""
    body = stream.read((limit or LARGEST_BODY) + 1)
    if limit and len(body) > limit:
        raise BadRecords(_too_large(limit))
    if len(body) > LARGEST_BODY:
        raise BadRecords(f"Too much data: harness sends at most {LARGEST_BODY >> 20} MB as one body; set SplitType")
    yield body


def _too_large(limit: int) -> str:
    return f"Too much data for max payload size: a record is larger than MaxPayloadInMB ({limit / (1 << 20):g} MB)"
