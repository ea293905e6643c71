"""``ObjectStore``: the interface to S3 objects. Implemented for embedded moto, LocalStack and S3-compatible URLs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from harness.kernel.s3uri import S3Uri


class BucketMissing(Exception):
    def __init__(self, bucket: str) -> None:
        super().__init__(f"The specified bucket does not exist: {bucket}")
        self.bucket = bucket


class ObjectMissing(Exception):
    def __init__(self, uri: S3Uri) -> None:
        super().__init__(f"The specified key does not exist: {uri}")
        self.uri = uri


@dataclass(frozen=True)
class ObjectInfo:
    uri: S3Uri
    size: int
    etag: str
    modified: float


class ObjectStore(Protocol):
    """Synchronous and thread-safe access to the objects of one account, with the emulator's rights."""

    def list(self, prefix: S3Uri) -> Iterator[ObjectInfo]:
        """Yield the objects whose key starts with the prefix, in key order.

        Raise ``BucketMissing`` without a bucket.
        """

    def head(self, uri: S3Uri) -> ObjectInfo | None: ...

    def read(self, uri: S3Uri) -> bytes:
        """Return the object's bytes. Raise ``ObjectMissing`` or ``BucketMissing``."""

    def open(self, uri: S3Uri) -> BinaryIO:
        """Return a stream of the object's bytes, which the caller closes."""

    def download(self, uri: S3Uri, path: Path) -> None:
        """Copy the object to ``path``, whose folder exists. Never links it, because a job may write to its inputs."""

    def write(self, uri: S3Uri, data: bytes, content_type: str = "binary/octet-stream") -> None: ...

    def upload(self, source: Path | BinaryIO, uri: S3Uri, content_type: str = "binary/octet-stream") -> None:
        """Copy a file, or an open file from its position on, to the object. Files of jobs are passed as open files."""

    def delete(self, uri: S3Uri) -> None: ...

    def bucket_exists(self, bucket: str) -> bool: ...

    def create_bucket(self, bucket: str) -> None: ...

    def tags(self, uri: S3Uri) -> Mapping[str, str]: ...
