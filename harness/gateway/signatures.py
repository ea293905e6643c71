"""Verifies the signatures of AWS requests. botocore's own signers compute what the signature should be.

Signature Version 4 in the Authorization header, the query or the policy of a POST form; Version 2 in the query or a
form, as boto3 presigns S3 requests by default. Rules:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import calendar
import hmac
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from harness.kernel.http import Request

ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
ALLOWED_SKEW = 15 * 60.0
LONGEST_LIFE = 7 * 24 * 3600
_AUTHORIZATION = re.compile(
    rf"{ALGORITHM}\s+Credential=([^,\s]+),\s*SignedHeaders=([^,\s]+),\s*Signature=([0-9a-f]{{64}})"
)
_NOT_SIGNED = frozenset({"x-amz-content-sha256", "x-amz-user-agent"})
"""Headers of a presigned request that need not be signed: they do not change what it means."""
_HEADERS_VERSION_2 = ("content-md5", "content-type", "date", "x-amz-")
"""Beginnings of headers that botocore repeats in the query of Version 2."""
_UNSIGNED_VERSION_2 = frozenset(
    {"AWSAccessKeyId", "Signature", "Expires", "x-amz-security-token", "x-id"}
    | {"continuation-token", "delimiter", "encoding-type", "fetch-owner", "list-type", "prefix", "start-after"}
    | {"key-marker", "marker", "part-number-marker", "upload-id-marker", "version-id-marker"}
    | {"max-keys", "max-parts", "max-uploads"}
)
"""Parameters that Version 2 does not sign, and that only choose what is listed."""


class InvalidSignature(Exception):
    """The request's signature is missing, wrong, or too old; the text says which."""


@dataclass(frozen=True)
class Signature:
    """A signature and what it says of itself."""

    access_key: str
    value: str
    version: int
    moment: str = ""
    """``YYYYMMDDTHHMMSSZ`` (Version 4)."""
    region: str = ""
    service: str = "s3"
    signed_headers: tuple[str, ...] = ()
    expires: int | None = None
    """Seconds of life (Version 4) or seconds since the epoch (Version 2) of a presigned request."""
    token: str = ""


def read_signature(request: Request) -> Signature | None:
    """The signature in the Authorization header, or else in the query; None where there is none."""
    authorization = request.headers.getall("Authorization", [])
    if authorization:
        match = _AUTHORIZATION.fullmatch(authorization[0].strip()) if len(authorization) == 1 else None
        if match is None:
            raise InvalidSignature(f"the Authorization header is not of the form of {ALGORITHM}")
        moment = request.headers.get("X-Amz-Date", "")
        return _version_4(match[1], match[3], moment, match[2])
    query = _query(request)
    if query.get("X-Amz-Algorithm") == ALGORITHM:
        credential, value, moment, signed = (
            query.get(f"X-Amz-{name}", "") for name in ("Credential", "Signature", "Date", "SignedHeaders")
        )
        return _version_4(credential, value, moment, signed, query.get("X-Amz-Expires", ""))
    if "AWSAccessKeyId" in query and "Signature" in query:
        expires, token = _whole_number(query.get("Expires", "")), query.get("x-amz-security-token", "")
        return Signature(query["AWSAccessKeyId"], query["Signature"], 2, expires=expires, token=token)
    return None


def verify_request(request: Request, signature: Signature, secret: str, payload_hash: str, bucket: str = "") -> None:
    """``InvalidSignature`` unless the holder of ``secret`` signed this request, and lately.

    ``payload_hash`` is the SHA-256 of the body in hexadecimal, or what S3 has in its place. ``bucket`` is the one that
    the Host header names, if any.
    """
    _verify_time(signature)
    if signature.version == 2:
        _verify_query_version_2(request)
        expected = _expected_version_2(request, signature, secret, bucket)
    else:
        _verify_coverage(request, signature)
        expected = _expected_version_4(request, signature, secret, payload_hash)
    _compare(expected, signature)


def verify_policy(policy: str, signature: Signature, secret: str) -> None:
    """The same for the policy of a POST form, in base64 as it came; its own expiration is not looked at."""
    from botocore.auth import HmacV1Auth, S3SigV4Auth

    if signature.version == 2:
        expected = HmacV1Auth(_credentials(signature, secret)).sign_string(policy)
    else:
        signer = S3SigV4Auth(_credentials(signature, secret), signature.service, signature.region)
        expected = signer.signature(policy, _unsent("POST", "http://host/", {}, signature.moment))
    _compare(expected, signature)


def _version_4(credential: str, value: str, moment: str, signed: str, expires: str | None = None) -> Signature:
    parts = credential.split("/")
    if len(parts) < 5 or parts[-1] != "aws4_request" or parts[-4] != moment[:8]:
        raise InvalidSignature("the credential is not KEY/DATE/REGION/SERVICE/aws4_request with the date of X-Amz-Date")
    life = None if expires is None else _whole_number(expires)
    names = tuple(signed.lower().split(";"))
    return Signature("/".join(parts[:-4]), value, 4, moment, parts[-3], parts[-2], names, life)


def form_signature(fields: Mapping[str, str]) -> Signature | None:
    """The signature of a POST form; None where it has none. Names of ``fields`` are in small letters."""
    if "x-amz-signature" in fields:
        if fields.get("x-amz-algorithm") != ALGORITHM:
            raise InvalidSignature(f"the form's x-amz-algorithm is not {ALGORITHM}")
        return _version_4(
            fields.get("x-amz-credential", ""), fields["x-amz-signature"], fields.get("x-amz-date", ""), ""
        )
    if "signature" in fields and "awsaccesskeyid" in fields:
        return Signature(fields["awsaccesskeyid"], fields["signature"], 2)
    return None


def _verify_time(signature: Signature) -> None:
    now = time.time()
    if signature.version == 2:
        if signature.expires is None or now > signature.expires:
            raise InvalidSignature("the request has expired")
        return
    signed = _epoch(signature.moment)
    if signature.expires is None:
        if abs(now - signed) > ALLOWED_SKEW:
            raise InvalidSignature("the time of the signature differs from the time here by more than 15 minutes")
        return
    if not 0 < signature.expires <= LONGEST_LIFE or now > signed + signature.expires:
        raise InvalidSignature("the request has expired")
    if signed > now + ALLOWED_SKEW:
        raise InvalidSignature("the request is not valid yet")


def _verify_coverage(request: Request, signature: Signature) -> None:
    """Check that the signature covers every header that changes the meaning of the request."""
    if "host" not in signature.signed_headers:
        raise InvalidSignature("the Host header is not signed")
    for name in {name.lower() for name in request.headers if name.lower().startswith("x-amz-")}:
        if name not in signature.signed_headers and not (signature.expires is not None and name in _NOT_SIGNED):
            raise InvalidSignature(f"the header {name} is not signed")


def _verify_query_version_2(request: Request) -> None:
    """Check that what the signature does not cover of the query is a choice of what is listed, and no subresource."""
    from botocore.auth import HmacV1QueryAuth

    for name, value in _query(request).items():
        header = name.lower().startswith(_HEADERS_VERSION_2) and request.headers.get(name) == value
        if not header and name not in HmacV1QueryAuth.QSAOfInterest and name not in _UNSIGNED_VERSION_2:
            raise InvalidSignature(f"the parameter {name} is not signed")


def _expected_version_4(request: Request, signature: Signature, secret: str, payload_hash: str) -> str:
    from botocore.auth import S3SigV4Auth, SigV4Auth

    kind = S3SigV4Auth if signature.service == "s3" else SigV4Auth
    signer = kind(_credentials(signature, secret), signature.service, signature.region)
    headers = {name: ",".join(request.headers.getall(name, [""])) for name in signature.signed_headers}
    # By default the signer leaves out headers such as User-Agent, which other clients sign.
    signer.headers_to_sign = lambda _: _http_headers(headers)
    path = request.path
    if signature.service == "s3":
        path = quote(unquote(path, errors="surrogateescape"), safe="/-_.~", errors="surrogateescape")
    url = f"http://host{path}?{_canonical_query(request)}"
    unsent = _unsent(request.method, url, {"X-Amz-Content-SHA256": payload_hash}, signature.moment)
    return str(signer.signature(signer.string_to_sign(unsent, signer.canonical_request(unsent)), unsent))


def _expected_version_2(request: Request, signature: Signature, secret: str, bucket: str) -> str:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html"""
    from botocore.auth import HmacV1QueryAuth

    signer = HmacV1QueryAuth(_credentials(signature, secret))
    signer._get_date = lambda: str(signature.expires)
    kept = {name: value for name, value in request.headers.items() if name.lower() != "date"}
    path = f"/{bucket}{request.path}" if bucket else request.path
    split = urlsplit(f"http://host{request.target}")
    return str(signer.get_signature(request.method, split, _http_headers(kept), auth_path=path))


def _canonical_query(request: Request) -> str:
    pairs: Sequence[tuple[str, str]] = parse_qsl(
        request.target.partition("?")[2].replace("+", "%20"), keep_blank_values=True, errors="surrogateescape"
    )
    encoded = (
        f"{quote(name, safe='-_.~', errors='surrogateescape')}={quote(value, safe='-_.~', errors='surrogateescape')}"
        for name, value in pairs
        if name != "X-Amz-Signature"
    )
    return "&".join(encoded)


def _query(request: Request) -> dict[str, str]:
    pairs = parse_qsl(request.target.partition("?")[2], keep_blank_values=True)
    query = dict(pairs)
    if len(query) < len(pairs):
        raise InvalidSignature("the query names a parameter twice")
    return query


def _compare(expected: str, signature: Signature) -> None:
    if not hmac.compare_digest(expected.encode(), signature.value.encode(errors="surrogateescape")):
        raise InvalidSignature("the signature was not made with the secret of this emulator")


def _epoch(moment: str) -> float:
    try:
        return calendar.timegm(time.strptime(moment, "%Y%m%dT%H%M%SZ"))
    except ValueError:
        raise InvalidSignature("X-Amz-Date is not of the form YYYYMMDDTHHMMSSZ") from None


def _whole_number(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,12}", text):
        raise InvalidSignature(f"{text!r} is no number of seconds")
    return int(text)


def _credentials(signature: Signature, secret: str) -> Any:
    from botocore.credentials import Credentials

    return Credentials(signature.access_key, secret, signature.token or None)


def _unsent(method: str, url: str, headers: Mapping[str, str], moment: str) -> Any:
    from botocore.awsrequest import AWSRequest

    request = AWSRequest(method, url, headers=dict(headers))
    request.context["timestamp"] = moment
    return request


def _http_headers(headers: Mapping[str, str]) -> Any:
    from botocore.compat import HTTPHeaders

    return HTTPHeaders.from_dict(headers)
