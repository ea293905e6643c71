"""Reading what lies in S3: one object, a listing, the members of an archive."""

from __future__ import annotations

import io
import json
import tarfile
from typing import Any
from urllib.parse import urlsplit


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
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
        files = {member.name.removeprefix("./"): tar.extractfile(member) for member in tar if member.isfile()}
        return {name: stream.read() for name, stream in files.items() if stream is not None}
