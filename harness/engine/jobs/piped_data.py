"""The content of FIFOs: the objects of a channel in their order, unpacked, wrapped, or by attributes of a manifest."""

from __future__ import annotations

import gzip
import json
import random
import struct
import tempfile
from collections.abc import Generator, Iterator, Sequence
from typing import Any, BinaryIO, TypeVar, cast

from harness.contract.layout import Input, Pipe
from harness.engine.jobs.failures import JobFailed
from harness.engine.jobs.staging import sources
from harness.kernel.s3uri import S3Uri
from harness.kernel.unpacking import TooLarge, copy_limited
from harness.stores.objects import ObjectMissing, ObjectStore

Entry = TypeVar("Entry")

_CHUNK = 1 << 18
_MAGIC = 0xCED7230A
LONGEST_RECORD = (1 << 29) - 1
"""Bytes of a RecordIO record: the upper three bits of its length tell the parts of a divided one apart."""
_IN_MEMORY = 16 << 20


def read_epoch(objects: ObjectStore, pipe: Pipe, epoch: int) -> Generator[bytes, None, None]:
    """Yield the bytes of one epoch. A shuffled channel has another order in each."""
    item = pipe.source
    if item.kind == "AugmentedManifestFile":
        for number, line in _choose(list(enumerate(_lines(objects, item.uri), 1)), item, epoch):
            for attribute in pipe.attributes:
                yield from _attribute(objects, pipe, number, line, attribute)
        return
    for uri, _ in _choose(list(sources(objects, item)), item, epoch):
        yield from _object(objects, uri, pipe)


def _choose(entries: list[Entry], item: Input, epoch: int) -> Sequence[Entry]:
    """Return this host's share of the entries, in the order of the epoch."""
    if item.seed is not None:
        random.Random(f"{item.seed}:{epoch}").shuffle(entries)
    first, step = item.share
    return entries[first::step]


def _object(objects: ObjectStore, uri: S3Uri, pipe: Pipe) -> Iterator[bytes]:
    info = objects.head(uri)
    if info is None:
        raise ObjectMissing(uri)
    with objects.open(uri) as stream:
        if not pipe.source.gunzip:
            yield from _frame(stream, info.size, pipe.wrapped, str(uri))
        elif not pipe.wrapped:
            with gzip.open(stream) as unpacked:
                yield from _chunks(cast("BinaryIO", unpacked))
        else:  # the length comes first
            with gzip.open(stream) as unpacked, tempfile.SpooledTemporaryFile(_IN_MEMORY) as spool:
                try:
                    copy_limited(unpacked, spool.write, LONGEST_RECORD)
                except TooLarge as error:
                    raise JobFailed(
                        f"ClientError: {uri} unpacks to more than {LONGEST_RECORD} bytes of a record"
                    ) from error
                size = spool.tell()
                spool.seek(0)
                yield from _frame(cast("BinaryIO", spool), size, True, str(uri))


def _frame(stream: BinaryIO, size: int, wrapped: bool, name: str) -> Iterator[bytes]:
    """Yield a stream as it is, or as one RecordIO record: magic number, length, content, zeros to a multiple of 4."""
    if not wrapped:
        yield from _chunks(stream)
        return
    if size > LONGEST_RECORD:
        raise JobFailed(f"ClientError: {name} has {size} bytes; a RecordIO record has at most {LONGEST_RECORD}")
    yield struct.pack("<II", _MAGIC, size)
    yield from _chunks(stream)
    yield b"\0" * (-size % 4)


def _chunks(stream: BinaryIO) -> Iterator[bytes]:
    while chunk := stream.read(_CHUNK):
        yield chunk


def _lines(objects: ObjectStore, uri: S3Uri) -> list[dict[str, Any]]:
    found = []
    for number, text in enumerate(objects.read(uri).splitlines(), 1):
        if not text.strip():
            continue
        try:
            line = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise JobFailed(f"ClientError: Augmented manifest {uri}, line {number} is not JSON: {error}") from error
        if not isinstance(line, dict):
            raise JobFailed(f"ClientError: Augmented manifest {uri}, line {number} is not a JSON object")
        found.append(line)
    return found


def _attribute(objects: ObjectStore, pipe: Pipe, number: int, line: dict[str, Any], name: str) -> Iterator[bytes]:
    """Yield the value of an attribute; of one whose name ends in ``-ref`` the object that it names."""
    where = f"Augmented manifest {pipe.source.uri}, line {number}"
    if name not in line:
        raise JobFailed(f"ClientError: {where} has no attribute {name!r}")
    value = line[name]
    if name.endswith("-ref"):
        try:
            uri = S3Uri.parse(value)
        except (ValueError, TypeError, AttributeError) as error:
            raise JobFailed(f"ClientError: {where}: {name!r} is not the URI of an S3 object: {value!r}") from error
        yield from _object(objects, uri, pipe)
        return
    content = (value if isinstance(value, str) else json.dumps(value)).encode()
    if pipe.wrapped:
        yield struct.pack("<II", _MAGIC, len(content)) + content + b"\0" * (-len(content) % 4)
    else:
        yield content
