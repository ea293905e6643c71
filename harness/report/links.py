"""Presigned URLs of a run's objects, so that a browser, which has no credentials, can open them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlsplit

Link = Callable[[str], str]
"""Returns the address of an S3 URI; empty if there is none."""
_SECONDS = 7 * 24 * 3600
"""The longest time that a signature of version 4 is valid."""


def signed_links(address: str, region: str, access_key: str, secret_key: str) -> Link:
    """Return a function that makes links to an emulator's objects and, for prefixes, to their listings."""

    def link(uri: str) -> str:
        from botocore.auth import S3SigV4QueryAuth
        from botocore.awsrequest import AWSRequest
        from botocore.credentials import Credentials

        parts = urlsplit(uri)
        if parts.scheme != "s3" or not parts.netloc:
            return ""
        request: Any = AWSRequest("GET", _target(address, parts.netloc, parts.path.lstrip("/")))
        S3SigV4QueryAuth(Credentials(access_key, secret_key), "s3", region, expires=_SECONDS).add_auth(request)
        return str(request.url)

    return link


def _target(address: str, bucket: str, key: str) -> str:
    if "." in key.rsplit("/", 1)[-1]:
        return f"{address}/{_quote(bucket)}/{_quote(key)}"
    return f"{address}/{_quote(bucket)}?list-type=2&prefix={_quote(key, safe='')}"


def _quote(text: str, safe: str = "/~") -> str:
    return quote(text, safe=safe, errors="replace")
