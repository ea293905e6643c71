"""Signs S3 requests anew: the emulator's clients do not know the real keys. Bodies stay untouched where they can."""

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
from harness.aws.wire.incoming import Unchunked, wanted
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
        """The request with headers (and body) to send instead, and its target: path-style, in canonical encoding."""
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
    """What the body is said to hash to. A body that is empty or comes as it is needs none."""
    given = request.headers.get("X-Amz-Content-SHA256", "")
    return given if given == CHUNKS_UNSIGNED or _HASH.fullmatch(given) else UNSIGNED


def _without_chunk_signatures(request: Request) -> Request:
    """A body whose every chunk is signed with a key that the server does not know is sent without the framing."""
    given = request.headers.get("X-Amz-Content-SHA256", "")
    if not given.startswith("STREAMING-") or given == CHUNKS_UNSIGNED:
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

    return replace(request, headers=CIMultiDictProxy(headers), stream=lambda: _unframed(request))


async def _unframed(request: Request) -> AsyncIterator[bytes]:
    """The bytes of the object. The last ones come when its trailing checksums were found right: a service that lacks
    them stores nothing."""
    chunks = Unchunked()
    digests = {name: digest for name in wanted(request.headers) if (digest := digest_for(name)) is not None}
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
        given = chunks.trailers.get(f"x-amz-checksum-{name.lower()}")
        if given is not None and given != base64.b64encode(digest.digest()).decode():
            raise Refusal(400, "BadDigest", f"The {name} you specified did not match the calculated checksum.")
    if held:
        yield held


def _canonical(target: str) -> str:
    """As the signature's rules write it, so that the server reads the same from it; a signature in the query goes."""
    path, _, query = target.partition("?")
    pairs = [
        (name, value)
        for name, value in parse_qsl(query, keep_blank_values=True)
        if not _IN_QUERY.match(name) and name not in _IN_QUERY_V2
    ]
    encoded = "&".join(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in pairs)
    path = quote(unquote(path), safe="/-_.~")
    return f"{path}?{encoded}" if encoded else path
