"""S3 URIs as values."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

_AWS_HOST = re.compile(
    r"(?:(?P<bucket>.+)\.)?s3(?:[.-](?:fips|dualstack|accelerate|external-1|[a-z]{2,4}(?:-[a-z0-9]+)*-[a-z]+-\d))*"
    r"\.amazonaws\.com(?:\.cn)?"
)
"""Host names of S3, with or without the bucket: "Virtual hosting of buckets" in the S3 user guide."""


@dataclass(frozen=True)
class S3Uri:
    """An address ``s3://bucket/key``. ``key`` may be empty or a prefix."""

    bucket: str
    key: str = ""

    @classmethod
    def parse(cls, text: str) -> S3Uri:
        scheme, _, rest = text.partition("://")
        bucket, _, key = rest.partition("/")
        if scheme == "https":
            bucket, key = _from_https(bucket, unquote(key))
        if scheme not in ("s3", "https") or not bucket:
            raise ValueError(
                f"not an S3 URI: {text!r} (expected s3://bucket/key, or an https address of a bucket or object at "
                "amazonaws.com)"
            )
        return cls(bucket, key)

    def join(self, *parts: str) -> S3Uri:
        """Return the URI of a key below this prefix. Empty parts and doubled slashes are dropped."""
        pieces = [self.key.rstrip("/"), *(part.strip("/") for part in parts)]
        return S3Uri(self.bucket, "/".join(piece for piece in pieces if piece))

    @property
    def name(self) -> str:
        return self.key.rsplit("/", 1)[-1]

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


def _from_https(host: str, path: str) -> tuple[str, str]:
    """Return bucket and key of an https address. The bucket is in its host or first in its path; empty if there is
    none.

    Several API members accept such addresses, and AWS's own samples use them.
    """
    match = _AWS_HOST.fullmatch(host)
    if match is None:
        return "", ""
    if match["bucket"]:
        return match["bucket"], path
    bucket, _, key = path.partition("/")
    return bucket, key
