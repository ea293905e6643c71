"""Signs S3 requests again, because clients do not know the real keys. Bodies are not changed if possible."""

from __future__ import annotations

import base64
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, quote, unquote

from multidict import CIMultiDict, CIMultiDictProxy

from harness.aws.wire.checksums import digest_for
from harness.aws.wire.error_responses import Refusal
from harness.aws.wire.incoming import Unchunked, requested_checksums
from harness.aws.wire.s3_requests import S3Request
from harness.kernel.http import Request

UNSIGNED = "UNSIGNED-PAYLOAD"
CHUNKS_UNSIGNED = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
_HASH = re.compile(r"[0-9a-f]{64}")
_SIGNATURE = frozenset({"authorization", "x-amz-date", "date", "x-amz-security-token", "x-amz-content-sha256", "host"})
_IN_QUERY = re.compile(
    r"x-amz-(algorithm|credential|date|expires|signedheaders|signature|security-token)$", re.IGNORECASE
)
_IN_QUERY_V2 = frozenset({"AWSAccessKeyId", "Signature", "Expires"})
_CHUNKING = ("x-amz-decoded-content-length", "x-amz-trailer", "content-length", "content-encoding")


@dataclass(frozen=True)
class S3Keys:
    access: str
    secret: str
    token: str = ""


class Signer:
    def __init__(self, address: str, keys: S3Keys, region: str) -> None:
        self._address = address
        self._keys = keys
        self._region = region

    def sign(self, request: Request) -> tuple[Request, str]:
        """Return the signed request, and its path-style target in canonical encoding."""
        from botocore.auth import S3SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.credentials import Credentials

        request = _without_chunk_signatures(request)
        target = _canonical(S3Request.of(request).target)
        headers: CIMultiDict[str] = CIMultiDict(
            (name, value) for name, value in request.headers.items() if name.lower() not in _SIGNATURE
        )
        headers["X-Amz-Content-SHA256"] = _payload(request)
        signed: Any = AWSRequest(
            request.method,
            self._address + target,
            headers={name: value for name, value in headers.items() if name.lower().startswith("x-amz-")},
        )
        credentials = Credentials(self._keys.access, self._keys.secret, self._keys.token or None)
        auth = S3SigV4Auth(credentials, "s3", self._region)
        auth.payload = lambda _: headers["X-Amz-Content-SHA256"]
        auth.add_auth(signed)
        for name in ("Authorization", "X-Amz-Date", "X-Amz-Security-Token"):
            if name in signed.headers:
                headers[name] = signed.headers[name]
        return replace(request, headers=CIMultiDictProxy(headers)), target


def _payload(request: Request) -> str:
    """Return the declared hash of the body, or UNSIGNED-PAYLOAD."""
    declared = request.headers.get("X-Amz-Content-SHA256", "")
    return declared if declared == CHUNKS_UNSIGNED or _HASH.fullmatch(declared) else UNSIGNED


def _without_chunk_signatures(request: Request) -> Request:
    """Remove the aws-chunked framing of a body with signed chunks: the server does not know the client's key."""
    declared = request.headers.get("X-Amz-Content-SHA256", "")
    if not declared.startswith("STREAMING-") or declared == CHUNKS_UNSIGNED:
        return request
    headers: CIMultiDict[str] = CIMultiDict(request.headers)
    length = headers.get("X-Amz-Decoded-Content-Length", "0")
    encodings = [one.strip() for one in headers.get("Content-Encoding", "").split(",")]
    for name in (*_CHUNKING, "X-Amz-Content-SHA256"):
        headers.popall(name, None)
    headers["Content-Length"] = length
    left = [one for one in encodings if one not in ("", "aws-chunked")]
    if left:
        headers["Content-Encoding"] = ", ".join(left)

    return replace(request, headers=CIMultiDictProxy(headers), stream=lambda: _remove_framing(request))


async def _remove_framing(request: Request) -> AsyncIterator[bytes]:
    """Yield the bytes of the object. The last ones are only sent if its trailing checksums are correct: without them
    the service stores nothing."""
    chunks = Unchunked()
    digests = {
        name: digest for name in requested_checksums(request.headers) if (digest := digest_for(name)) is not None
    }
    held = b""
    async for block in request.stream():
        for piece in chunks.feed(block):
            for digest in digests.values():
                digest.update(piece)
            if held:
                yield held
            held = piece
    if not chunks.whole:
        raise Refusal(400, "IncompleteBody", "The aws-chunked body ended early")
    for name, digest in digests.items():
        declared = chunks.trailers.get(f"x-amz-checksum-{name.lower()}")
        if declared is not None and declared != base64.b64encode(digest.digest()).decode():
            raise Refusal(400, "BadDigest", f"The {name} you specified did not match the calculated checksum.")
    if held:
        yield held


def _canonical(target: str) -> str:
    """Return the target in the canonical form of AWS Signature Version 4, without a signature in the query."""
    path, _, query = target.partition("?")
    pairs = [
        (name, value)
        for name, value in parse_qsl(query, keep_blank_values=True)
        if not _IN_QUERY.match(name) and name not in _IN_QUERY_V2
    ]
    encoded = "&".join(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in pairs)
    path = quote(unquote(path), safe="/-_.~")
    return f"{path}?{encoded}" if encoded else path
