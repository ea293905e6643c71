"""Addresses at which a browser can open a run's objects: it sends no credentials, so the address has the signature."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlsplit

Link = Callable[[str], str]
"""The address for an S3 URI; empty when there is none."""
_SECONDS = 7 * 24 * 3600
"""The longest that a signature of version 4 can be good for."""


def signed_links(address: str, region: str, access_key: str, secret_key: str) -> Link:
    """Links to an emulator's objects and, for prefixes, their listings; signed by AWS's own library."""

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
        return f"{address}/{_quoted(bucket)}/{_quoted(key)}"
    return f"{address}/{_quoted(bucket)}?list-type=2&prefix={_quoted(key, safe='')}"


def _quoted(text: str, safe: str = "/~") -> str:
    return quote(text, safe=safe, errors="replace")
