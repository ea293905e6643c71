"""S3 URIs as values."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class S3Uri:
    """``s3://bucket/key``; ``key`` may be empty or a prefix."""

    bucket: str
    key: str = ""

    @classmethod
    def parse(cls, text: str) -> S3Uri:
        scheme, _, rest = text.partition("://")
        bucket, _, key = rest.partition("/")
        if scheme == "https":  # https://s3.<region>.amazonaws.com/bucket/key, accepted by several members of the API
            bucket, _, key = key.partition("/")
        if scheme not in ("s3", "https") or not bucket:
            raise ValueError(f"not an S3 URI: {text!r} (expected s3://bucket/key)")
        return cls(bucket, key)

    def join(self, *parts: str) -> S3Uri:
        """A key below this prefix; empty parts and doubled slashes are dropped."""
        pieces = [self.key.rstrip("/"), *(part.strip("/") for part in parts)]
        return S3Uri(self.bucket, "/".join(piece for piece in pieces if piece))

    @property
    def name(self) -> str:
        return self.key.rsplit("/", 1)[-1]

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"
