"""Checks the address and headers of S3 requests, many of which moto does not check. Pure functions.

Codes and messages are those of the S3 API reference ("Error responses") and of the operations' pages.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from urllib.parse import parse_qsl, unquote_to_bytes

from multidict import CIMultiDict

from harness.aws.wire.error_responses import Refusal
from harness.aws.wire.s3_requests import S3Request

METHODS = frozenset({"GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS"})
LONGEST_KEY = 1024
LARGEST = 2**31 - 1
COUNTS = {
    "max-keys": "maxKeys",
    "max-uploads": "max-uploads",
    "max-parts": "max-parts",
    "part-number-marker": "part-number-marker",
}
"""Query parameters that are counts, by the names that S3's messages give them."""
CANNED_ACLS = frozenset(
    {
        "private",
        "public-read",
        "public-read-write",
        "authenticated-read",
        "aws-exec-read",
        "bucket-owner-read",
        "bucket-owner-full-control",
        "log-delivery-write",
    }
)
CHOICES = {
    "x-amz-acl": CANNED_ACLS,
    "x-amz-metadata-directive": frozenset({"COPY", "REPLACE"}),
    "x-amz-tagging-directive": frozenset({"COPY", "REPLACE"}),
    "x-amz-object-lock-mode": frozenset({"GOVERNANCE", "COMPLIANCE"}),
    "x-amz-object-lock-legal-hold": frozenset({"ON", "OFF"}),
    "x-amz-server-side-encryption": frozenset({"AES256", "aws:kms", "aws:kms:dsse", "aws:fsx"}),
    "x-amz-object-ownership": frozenset({"BucketOwnerPreferred", "ObjectWriter", "BucketOwnerEnforced"}),
}
GRANTS = frozenset(f"x-amz-grant-{name}" for name in ("read", "write", "read-acp", "write-acp", "full-control"))
GROUPS = "http://acs.amazonaws.com/groups/"
CONDITIONS = tuple(
    f"{prefix}{name}" for prefix in ("", "x-amz-copy-source-") for name in ("if-modified-since", "if-unmodified-since")
)
_NUMBER = re.compile(r"[+-]?\d{1,20}", re.ASCII)
_RANGE = re.compile(r"bytes=(?:\d{1,100}-\d{0,100}|-\d{1,100})", re.ASCII)
_COPIED_RANGE = re.compile(r"bytes=\d{1,18}-\d{1,18}", re.ASCII)
_GRANTEE = re.compile(r'\s*(id|uri|emailAddress)\s*=\s*"?([^"]+)"?\s*', re.IGNORECASE)
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


def check_arguments(request: S3Request) -> None:
    """Refuse a request with an address or headers that S3 does not accept."""
    if request.method not in METHODS:
        raise Refusal(405, "MethodNotAllowed", "The specified method is not allowed against this resource.")
    _check_address(request)
    _check_counts(request)
    for header, allowed in CHOICES.items():
        _check_choice(header, request.headers.get(header), allowed)
    _check_grants(request.headers)
    _check_retention_date(request.headers.get("x-amz-object-lock-retain-until-date"))
    _check_tags(request.headers.get("x-amz-tagging"))
    _check_copy(request)


def without_unusable(headers: Mapping[str, str]) -> CIMultiDict[str]:
    """Return the headers but for dates and ranges that cannot be read: S3 ignores these (RFC 9110, 13.1.3 and 14.2)."""
    kept: CIMultiDict[str] = CIMultiDict(headers)
    for name in CONDITIONS:
        if name in kept and not _is_date(kept[name]):
            kept.popall(name)
    if "range" in kept and not _RANGE.fullmatch(kept["range"]):
        kept.popall("range")
    return kept


def _check_address(request: S3Request) -> None:
    path, _, query = request.target.partition("?")
    for text, plus in ((path, ""), (query, " ")):
        try:
            unquote_to_bytes(text.replace("+", plus) if plus else text).decode()
        except UnicodeError:
            raise Refusal(400, "InvalidURI", "Couldn't parse the specified URI.") from None
        if _BAD_ESCAPE.search(text):
            raise Refusal(400, "InvalidURI", "Couldn't parse the specified URI.")
    if len(request.key.encode()) > LONGEST_KEY:
        raise Refusal(400, "KeyTooLongError", "Your key is too long")


def _check_counts(request: S3Request) -> None:
    query = request.query
    for name, title in COUNTS.items():
        if name in query:
            _count(name, title, query[name], 0, LARGEST)
    if "max-buckets" in query:
        _count("max-buckets", "max-buckets", query["max-buckets"], 1, 10_000)
    if "partNumber" in query and not 1 <= _integer(query["partNumber"], 0) <= 10_000:
        raise invalid("Part number must be an integer between 1 and 10000, inclusive")
    if query.get("encoding-type", "url") != "url":
        raise invalid("Invalid Encoding Method specified in Request")
    if query.get("list-type", "2") != "2":
        raise invalid("Invalid List Type specified in Request")


def _count(name: str, title: str, text: str, least: int, most: int) -> None:
    number = _integer(text, most + 1)
    if number > most:
        raise invalid(f"Provided {name} not an integer or within integer range")
    if number < least:
        raise invalid(f"Argument {title} must be an integer between {least} and {most}")


def _integer(text: str, otherwise: int) -> int:
    return int(text) if _NUMBER.fullmatch(text) else otherwise


def _check_choice(header: str, value: str | None, allowed: frozenset[str]) -> None:
    if value and value not in allowed:
        raise invalid(f"{value!r} is no value of {header}; it takes {', '.join(sorted(allowed))}")


def _check_grants(headers: Mapping[str, str]) -> None:
    for name in headers:
        lower = name.lower()
        if not lower.startswith("x-amz-grant-"):
            continue
        if lower not in GRANTS:
            raise invalid(f"There is no header {name}; S3 knows {', '.join(sorted(GRANTS))}")
        for grantee in headers[name].split(","):
            match = _GRANTEE.fullmatch(grantee)
            if match is None:
                raise invalid("Argument format not recognized")
            if match[1].lower() == "uri" and not match[2].startswith(GROUPS):
                raise invalid("Invalid group uri")


def _check_retention_date(text: str | None) -> None:
    if text is not None and not _is_iso_date(text):
        raise invalid("The retain until date must be provided in ISO 8601 format")


def _check_tags(text: str | None) -> None:
    if not text:
        return
    try:
        tags = parse_qsl(text, keep_blank_values=True, strict_parsing="=" in text, errors="strict")
    except ValueError:
        tags = None
    if tags is None or len({name for name, _ in tags}) < len(tags):
        raise invalid(
            "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters "
            "without tag name duplicates."
        )
    for name, value in tags:
        check_tag(name, value)


def check_tag(name: str, value: str) -> None:
    if not 1 <= len(name) <= 128:
        raise Refusal(400, "InvalidTag", "The TagKey you have provided is invalid")
    if len(value) > 256:
        raise Refusal(400, "InvalidTag", "The TagValue you have provided is invalid")


def _check_copy(request: S3Request) -> None:
    if "x-amz-copy-source" not in request.headers or request.method != "PUT":
        return
    try:
        bucket, key, _ = request.copy_source()
        bucket.encode(), key.encode()
    except ValueError:
        bucket = key = ""
    if not (bucket and key):
        raise invalid("Copy Source must mention the source bucket and key: sourcebucket/sourcekey")
    text = request.headers.get("x-amz-copy-source-range")
    if text is not None and not _COPIED_RANGE.fullmatch(text):
        raise invalid("The x-amz-copy-source-range value must be of the form bytes=first-last")


def _is_date(text: str) -> bool:
    return _reads(parsedate_to_datetime, text) and len(text) < 64 and text.isascii()


def _is_iso_date(text: str) -> bool:
    return _reads(lambda text: datetime.fromisoformat(text.replace("Z", "+00:00")), text)


def _reads(read: Callable[[str], object], text: str) -> bool:
    try:
        read(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return False
    return True


def invalid(message: str) -> Refusal:
    return Refusal(400, "InvalidArgument", message)
