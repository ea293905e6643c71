"""Signature Version 4, checked as AWS checks it: of headers and of presigned addresses. Written from the specification.

Nothing of botocore's signing is used, so that a mistake in what it is handed shows.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import NamedTuple
from urllib.parse import quote, unquote

ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED = "UNSIGNED-PAYLOAD"
SKEW = timedelta(minutes=15)
_HEADER = re.compile(r"AWS4-HMAC-SHA256\s+Credential=([^,\s]+),\s*SignedHeaders=([^,\s]+),\s*Signature=([0-9a-f]{64})")


class Sent(NamedTuple):
    """A request as it came; ``target`` is path and query, not decoded; names of ``headers`` are in small letters."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """The query, decoded."""
        parts = [part.partition("=") for part in self.target.partition("?")[2].split("&") if part]
        return [(unquote(name), unquote(value)) for name, _, value in parts]


class Signature(NamedTuple):
    key_id: str
    day: str
    region: str
    service: str
    signed: tuple[str, ...]
    value: str
    moment: str
    token: str
    lifetime: int | None
    """Seconds a presigned address is good for; None for a signed request."""

    @property
    def scope(self) -> str:
        return f"{self.day}/{self.region}/{self.service}/aws4_request"


class BadSignature(Exception):
    """``kind``: "missing", "incomplete", "wrong", "skewed", "outlived" or "content"."""

    def __init__(self, kind: str, told: str = "") -> None:
        super().__init__(told or kind)
        self.kind = kind


def read_signature(sent: Sent) -> Signature:
    query = dict(sent.pairs)
    if query.get("X-Amz-Algorithm") == ALGORITHM:
        credential, signed, value = (query.get(f"X-Amz-{part}", "") for part in _QUERY_PARTS)
        moment, token = query.get("X-Amz-Date", ""), query.get("X-Amz-Security-Token", "")
        lifetime: int | None = int(query.get("X-Amz-Expires", "0"))
    else:
        authorization = sent.headers.get("authorization", "")
        if not authorization:
            raise BadSignature("missing")
        found = _HEADER.fullmatch(authorization.strip())
        if found is None:
            raise BadSignature("incomplete", f"Authorization header is not in the form of {ALGORITHM}")
        credential, signed, value = found.groups()
        moment, token = sent.headers.get("x-amz-date", ""), sent.headers.get("x-amz-security-token", "")
        lifetime = None
    parts = credential.split("/")
    if len(parts) != 5 or parts[4] != "aws4_request" or not moment.startswith(parts[1]):
        raise BadSignature("incomplete", "Credential must have exactly 5 slash-delimited elements")
    return Signature(parts[0], parts[1], parts[2], parts[3], tuple(signed.split(";")), value, moment, token, lifetime)


_QUERY_PARTS = ("Credential", "SignedHeaders", "Signature")


def check_signature(sent: Sent, signature: Signature, secret: str, now: datetime | None = None) -> None:
    """``BadSignature`` unless the holder of the secret signed exactly this request, and lately."""
    _check_time(signature, now or datetime.now(timezone.utc))
    if "host" not in signature.signed:
        raise BadSignature("incomplete", "'Host' must be a 'SignedHeader' in the AWS Authorization.")
    for name in sent.headers:
        # What changes the meaning of a request must be covered by its signature.
        if name.startswith("x-amz-") and name not in signature.signed and signature.lifetime is None:
            raise BadSignature("incomplete", f"There were headers present in the request which were not signed: {name}")
    expected = _sign(secret, signature, _canonical(sent, signature))
    if not hmac.compare_digest(expected, signature.value):
        raise BadSignature("wrong")
    told = sent.headers.get("x-amz-content-sha256", "")
    if re.fullmatch(r"[0-9a-f]{64}", told) and told != hashlib.sha256(sent.body).hexdigest():
        raise BadSignature("content")


def _check_time(signature: Signature, now: datetime) -> None:
    try:
        moment = datetime.strptime(signature.moment, "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)
    except ValueError:
        raise BadSignature("incomplete", "Date must be in ISO-8601 'basic format'") from None
    if signature.lifetime is not None:
        if now > moment + timedelta(seconds=signature.lifetime):
            raise BadSignature("outlived")
        if moment > now + SKEW:
            raise BadSignature("skewed")
    elif abs(now - moment) > SKEW:
        raise BadSignature("skewed")


def _canonical(sent: Sent, signature: Signature) -> str:
    path = sent.target.partition("?")[0] or "/"
    pairs = sorted(
        (quote(name, safe="-_.~"), quote(value, safe="-_.~"))
        for name, value in sent.pairs
        if name != "X-Amz-Signature" or signature.lifetime is None
    )
    headers = "".join(f"{name}:{' '.join(sent.headers.get(name, '').split())}\n" for name in signature.signed)
    return "\n".join(
        [
            sent.method,
            path if signature.service == "s3" else quote(_normal(path), safe="/-_.~"),
            "&".join(f"{name}={value}" for name, value in pairs),
            headers,
            ";".join(signature.signed),
            _payload(sent, signature),
        ]
    )


def _payload(sent: Sent, signature: Signature) -> str:
    if signature.service == "s3":
        if signature.lifetime is not None:
            return UNSIGNED
        if "x-amz-content-sha256" not in sent.headers:
            raise BadSignature("incomplete", "Missing required header for this request: x-amz-content-sha256")
    return sent.headers.get("x-amz-content-sha256") or hashlib.sha256(sent.body).hexdigest()


def _normal(path: str) -> str:
    """Without empty and dotted segments; S3 alone takes paths as they are."""
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment not in ("", "."):
            kept.append(segment)
    return "/" + "/".join(kept) + ("/" if kept and path.endswith("/") else "")


def _sign(secret: str, signature: Signature, canonical: str) -> str:
    key = f"AWS4{secret}".encode()
    for part in signature.scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = f"{ALGORITHM}\n{signature.moment}\n{signature.scope}\n{digest}"
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
