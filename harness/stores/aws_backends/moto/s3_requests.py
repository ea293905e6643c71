"""Reads S3 requests: which bucket and key, which kind of transfer. Pure; the rules of S3 stay in moto."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree import ElementTree

from harness.kernel.http import Request
from harness.stores.aws_backends.moto.faults import Refusal

# Virtual-host addressing, for clients that do not use the path style: bucket.localhost:4599, bucket.s3.amazonaws.com
VIRTUAL_HOST = re.compile(r"^(?P<bucket>[a-z0-9][a-z0-9.-]+?)\.(?:s3[.-][^:]*|s3|localhost)(?::\d+)?$")
SIGNING = ("x-amz-", "x-id", "awsaccesskeyid", "signature", "expires", "content-", "cache-control", "response-")
MUTATING = frozenset({"PUT", "POST", "DELETE"})


@dataclass(frozen=True)
class S3Request:
    method: str
    target: str
    """Path-style, whatever the client used."""
    headers: Mapping[str, str]
    bucket: str
    key: str
    query: Mapping[str, str]

    @classmethod
    def of(cls, request: Request) -> S3Request:
        target = request.target if request.target.startswith("/") else "/" + request.target
        match = VIRTUAL_HOST.match(request.headers.get("host", "").lower())
        if match and match["bucket"] != "s3":
            target = f"/{match['bucket']}{target}"
        path, _, query = target.partition("?")
        bucket, _, key = path[1:].partition("/")
        named = {name: values[-1] for name, values in parse_qs(query, keep_blank_values=True).items()}
        return cls(request.method, target, request.headers, unquote(bucket), unquote(key), named)

    @property
    def changes(self) -> bool:
        return self.method in MUTATING

    @property
    def uploads_bytes(self) -> bool:
        """PutObject and UploadPart."""
        if self.method != "PUT" or not self.key or "x-amz-copy-source" in self.headers:
            return False
        extra = {name for name in self.query if not name.lower().startswith(SIGNING)}
        return extra in (set(), {"uploadId", "partNumber"})

    @property
    def completes_upload(self) -> bool:
        return self.method == "POST" and bool(self.key) and "uploadId" in self.query

    @property
    def copies_part(self) -> bool:
        return self.method == "PUT" and "x-amz-copy-source" in self.headers and "uploadId" in self.query

    def copy_source(self) -> tuple[str, str, str | None]:
        """Bucket, key and version of ``x-amz-copy-source``."""
        source = urlsplit(self.headers["x-amz-copy-source"].replace("#", "%23"))
        bucket, _, key = unquote(source.path).lstrip("/").partition("/")
        return bucket, key, parse_qs(source.query).get("versionId", [None])[0]


def listed_parts(body: bytes) -> list[tuple[int, str]]:
    """Part numbers and ETags of a CompleteMultipartUpload document."""
    try:
        root = ElementTree.fromstring(body)
        parts = [element for element in root.iter() if element.tag.endswith("}Part") or element.tag == "Part"]
        return [(int(_child(part, "PartNumber")), _child(part, "ETag")) for part in parts]
    except (ElementTree.ParseError, ValueError):
        text = "The XML you provided was not well-formed or did not validate against our published schema"
        raise Refusal(400, "MalformedXML", text) from None


def _child(part: ElementTree.Element, name: str) -> str:
    for child in part:
        if child.tag.rpartition("}")[2] == name:
            return child.text or ""
    raise ValueError(name)
