"""Bodies in S3's own chunks (``aws-chunked``), as its clients send them over TLS: decoded, their checksum verified."""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Callable, Mapping

_SUMS: Mapping[str, Callable[[bytes], bytes]] = {
    "x-amz-checksum-crc32": lambda data: zlib.crc32(data).to_bytes(4, "big"),
    "x-amz-checksum-sha1": lambda data: hashlib.sha1(data, usedforsecurity=False).digest(),
    "x-amz-checksum-sha256": lambda data: hashlib.sha256(data).digest(),
}
_HOW = ("content-encoding", "x-amz-trailer", "x-amz-decoded-content-length", "x-amz-content-sha256")


class BadChunks(Exception):
    """Not what the headers say, or not the content that was summed up."""


def is_chunked(headers: Mapping[str, str]) -> bool:
    return headers.get("x-amz-content-sha256", "").startswith("STREAMING-")


def decode(headers: Mapping[str, str], body: bytes) -> tuple[dict[str, str], bytes]:
    """Headers and body as of a plain request."""
    if headers["x-amz-content-sha256"] != "STREAMING-UNSIGNED-PAYLOAD-TRAILER":
        raise BadChunks(f"{headers['x-amz-content-sha256']} is not known")
    parts, rest = [], body
    while True:
        size, mark, rest = rest.partition(b"\r\n")
        if not mark:
            raise BadChunks("the last chunk is missing")
        length = int(size.partition(b";")[0], 16)
        if length == 0:
            break
        parts.append(rest[:length])
        if rest[length : length + 2] != b"\r\n":
            raise BadChunks("a chunk is not as long as it says")
        rest = rest[length + 2 :]
    data = b"".join(parts)
    if len(data) != int(headers.get("x-amz-decoded-content-length", "-1")):
        raise BadChunks("the content is not as long as its header says")
    plain = {name: value for name, value in headers.items() if name not in _HOW}
    encodings = [each.strip() for each in headers.get("content-encoding", "").split(",")]
    if others := ",".join(each for each in encodings if each not in ("", "aws-chunked")):
        plain["content-encoding"] = others
    return {**plain, **_trailers(headers, rest, data)}, data


def _trailers(headers: Mapping[str, str], rest: bytes, data: bytes) -> dict[str, str]:
    lines = [line.partition(":") for line in rest.decode("ascii").split("\r\n") if line]
    trailers = {name.strip().lower(): value.strip() for name, _, value in lines}
    if sorted(trailers) != sorted(filter(None, headers.get("x-amz-trailer", "").lower().split(","))):
        raise BadChunks("the trailers are not those that were announced")
    for name, value in trailers.items():
        if name not in _SUMS or base64.b64encode(_SUMS[name](data)).decode() != value:
            raise BadChunks(f"the {name} is not that of the content")
    return trailers
