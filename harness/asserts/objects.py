"""Reading what lies in S3: one object, a listing, the members of an archive."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from typing import IO, Any, cast
from urllib.parse import urlsplit

from harness.kernel.unpacking import LimitedStream, check_size

_IN_MEMORY, _LARGEST_RATIO = 1 << 30, 20
"""Bytes that any archive may unpack to in memory, and how many times its size a larger one may."""


def bucket_and_key(uri: str) -> tuple[str, str]:
    parts = urlsplit(uri)
    if parts.scheme != "s3" or not parts.netloc:
        raise ValueError(f"{uri!r} is not an S3 URI")
    return parts.netloc, parts.path.lstrip("/")


def read(s3: Any, uri: str) -> bytes:
    bucket, key = bucket_and_key(uri)
    body: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    return body


def read_json(s3: Any, uri: str) -> Any:
    return json.loads(read(s3, uri))


def listing(s3: Any, uri: str) -> list[str]:
    """The URIs of every object under a prefix, in order."""
    bucket, prefix = bucket_and_key(uri)
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return [f"s3://{bucket}/{found['Key']}" for page in pages for found in page.get("Contents", [])]


def archive_members(s3: Any, uri: str) -> dict[str, bytes]:
    """The files of a ``.tar.gz`` by name."""
    return unpacked(read(s3, uri))


def unpacked(archive: bytes) -> dict[str, bytes]:
    """The files of a ``.tar.gz`` by name. ``TooLarge`` if they would take more memory than an archive of its size may.

    A job wrote the archive, and a small one can claim to hold terabytes.
    """
    limit = max(_IN_MEMORY, _LARGEST_RATIO * len(archive))
    with gzip.open(io.BytesIO(archive)) as packed:
        stream = LimitedStream(packed, limit)
        with tarfile.open(fileobj=cast("IO[bytes]", stream), mode="r:") as tar:
            members, size = [], 0
            for member in tar:
                size += abs(member.size)
                check_size(size, limit)
                members.append(member)
            stream.headers_left = None
            files = {member.name.removeprefix("./"): tar.extractfile(member) for member in members if member.isfile()}
            return {name: stream.read() for name, stream in files.items() if stream is not None}
