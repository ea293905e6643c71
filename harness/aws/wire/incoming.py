"""Receives the body of an S3 upload into a file. Removes ``aws-chunked`` framing and computes MD5 and checksums.

A worker thread feeds the blocks. ``finish`` checks the client's checksums; the object is not visible before that.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

from harness.aws.wire.checksums import ALGORITHMS, digest_for
from harness.aws.wire.error_responses import Refusal
from harness.aws.wire.object_files import ObjectFiles, ReceivedFile

MAX_LINE = 16 * 1024


class Unchunked:
    """Decodes ``aws-chunked``: ``<hex>[;chunk-signature=…]CRLF data CRLF … 0 CRLF [trailers] CRLF``."""

    def __init__(self) -> None:
        self._buffer = b""
        self._left = 0
        self._ended = False
        self._first_done = False
        self.trailers: dict[str, str] = {}

    def feed(self, block: bytes) -> list[bytes]:
        self._buffer += block
        out = []
        while self._buffer:
            if self._left:
                piece, self._buffer = self._buffer[: self._left], self._buffer[self._left :]
                self._left -= len(piece)
                out.append(piece)
            elif not self._line():
                break
        return out

    def _line(self) -> bool:
        end = self._buffer.find(b"\r\n")
        if end < 0:
            if len(self._buffer) > MAX_LINE:
                raise Refusal(400, "InvalidRequest", "The aws-chunked body is malformed")
            return False
        line, self._buffer = self._buffer[:end], self._buffer[end + 2 :]
        if self._ended:
            name, _, value = line.decode("latin-1").partition(":")
            if name:
                self.trailers[name.strip().lower()] = value.strip()
        elif line:
            try:
                self._left = int(line.partition(b";")[0], 16)
            except ValueError:
                raise Refusal(400, "InvalidRequest", "The aws-chunked body is malformed") from None
            self._ended = self._left == 0
        return True

    @property
    def whole(self) -> bool:
        return self._ended and not self._left


class Incoming:
    """One upload that is being received into a file."""

    def __init__(self, files: ObjectFiles, headers: Mapping[str, str]) -> None:
        self._files = files
        self._headers = headers
        self._chunks = Unchunked() if is_chunked(headers) else None
        self._path = files.temporary()
        self._file = self._path.open("wb", buffering=0)
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._digests = {
            name: digest for name in requested_checksums(headers) if (digest := digest_for(name)) is not None
        }
        self._size = 0
        self._received = 0

    def feed(self, block: bytes) -> None:
        self._received += len(block)
        for piece in self._chunks.feed(block) if self._chunks else [block]:
            self._md5.update(piece)
            for digest in self._digests.values():
                digest.update(piece)
            view = memoryview(piece)
            while view:
                view = view[self._file.write(view) :]
            self._size += len(piece)

    def finish(self) -> ReceivedFile:
        self._file.close()
        try:
            self._check_length()
            _compare_md5(self._headers, self._md5)
            checksums = self._checksums()
            return ReceivedFile(self._files.adopt(self._path), self._size, self._md5.hexdigest(), checksums)
        except BaseException:
            self.abort()
            raise

    def abort(self) -> None:
        self._file.close()
        self._path.unlink(missing_ok=True)

    def _check_length(self) -> None:
        declared = self._headers.get("x-amz-decoded-content-length" if self._chunks else "content-length")
        short = declared is not None and declared.isdigit() and int(declared) != self._size
        if short or (self._chunks is not None and not self._chunks.whole):
            text = "You did not provide the number of bytes specified by the Content-Length HTTP header"
            raise Refusal(400, "IncompleteBody", text)

    def _checksums(self) -> dict[str, str]:
        """Return the checksums. Each is compared with the client's, if it sent one in a header or trailer."""
        checksums = {}
        for name in requested_checksums(self._headers):
            header = f"x-amz-checksum-{name.lower()}"
            declared = self._headers.get(header) or (self._chunks.trailers.get(header) if self._chunks else None)
            digest = self._digests.get(name)
            ours = base64.b64encode(digest.digest()).decode() if digest else None
            if ours is not None and declared is not None and declared != ours:
                text = f"The {name} you specified did not match the calculated checksum."
                raise Refusal(400, "BadDigest", text)
            if ours or declared:
                checksums[name] = ours or declared or ""
        return checksums


def check_md5(headers: Mapping[str, str], body: bytes) -> None:
    """Compare a whole body with the client's Content-MD5, if it sent one."""
    if "content-md5" in headers:
        _compare_md5(headers, hashlib.md5(body, usedforsecurity=False))


def _compare_md5(headers: Mapping[str, str], computed: Any) -> None:
    declared = headers.get("content-md5")
    if declared is None:
        return
    try:
        claimed = base64.b64decode(declared, validate=True)
    except ValueError:
        claimed = b""
    if len(claimed) != 16:
        raise Refusal(400, "InvalidDigest", "The Content-MD5 you specified was invalid.")
    if claimed != computed.digest():
        raise Refusal(400, "BadDigest", "The Content-MD5 you specified did not match what we received.")


def is_chunked(headers: Mapping[str, str]) -> bool:
    return headers.get("x-amz-content-sha256", "").startswith("STREAMING-") or "aws-chunked" in headers.get(
        "content-encoding", ""
    )


def requested_checksums(headers: Mapping[str, str]) -> list[str]:
    """Return the checksum algorithms that a request names, in any of the three ways of the S3 API."""
    named = {
        headers.get("x-amz-sdk-checksum-algorithm", "").upper(),
        headers.get("x-amz-checksum-algorithm", "").upper(),
    }
    named |= {name for name in ALGORITHMS if f"x-amz-checksum-{name.lower()}" in headers}
    trailer = headers.get("x-amz-trailer", "").lower()
    named |= {name for name in ALGORITHMS if f"x-amz-checksum-{name.lower()}" in trailer.split(",")}
    return [name for name in ALGORITHMS if name in named]
