"""Reading from S3: one object, a listing, the members of an archive."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from typing import IO, Any, cast
from urllib.parse import urlsplit

from harness.kernel.unpacking import LimitedStream, check_size

_IN_MEMORY, _LARGEST_RATIO = 1 << 30, 20
"""The unpacked size in bytes that is always allowed, and the largest allowed ratio to the archive's size above it."""


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
    """Return the URIs of all objects under a prefix, in order."""
    bucket, prefix = bucket_and_key(uri)
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return [f"s3://{bucket}/{each['Key']}" for page in pages for each in page.get("Contents", [])]


def archive_members(s3: Any, uri: str) -> dict[str, bytes]:
    """Return the files of a ``.tar.gz`` object by name."""
    return unpack(read(s3, uri))


def unpack(archive: bytes) -> dict[str, bytes]:
    """Return the files of a ``.tar.gz`` by name. Raise ``TooLarge`` if they need too much memory for its size.

    The limit is needed because a job wrote the archive, and a small archive can unpack to terabytes.
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
