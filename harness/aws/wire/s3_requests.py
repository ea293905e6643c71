"""Parses S3 requests: their bucket, key and kind of transfer. Pure functions; moto implements the rules of S3."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree import ElementTree as ET

from harness.aws.moto.misread import MALFORMED_XML
from harness.aws.wire.error_responses import Refusal
from harness.kernel.http import Request

# Virtual-host addressing, for clients that do not use the path style: bucket.localhost:4599, bucket.s3.amazonaws.com
VIRTUAL_HOST = re.compile(r"^(?P<bucket>[a-z0-9][a-z0-9.-]+?)\.(?:s3[.-][^:]*|s3|localhost)(?::\d+)?$")
SIGNING = ("x-amz-", "x-id", "awsaccesskeyid", "signature", "expires", "content-", "cache-control", "response-")
LISTING = (
    "prefix delimiter marker max-keys encoding-type list-type continuation-token start-after fetch-owner key-marker "
    "version-id-marker upload-id-marker max-uploads part-number-marker max-parts partNumber versionId max-buckets "
    "bucket-region"
)
SETTINGS = "lifecycle policy tagging website cors publicAccessBlock encryption replication ownershipControls"
RESOURCES = {
    ("bucket", "GET"): f"{SETTINGS} object-lock uploads location versioning policyStatus acl logging notification "
    "accelerate inventory id versions",
    ("bucket", "PUT"): f"{SETTINGS} object-lock versioning acl logging notification accelerate inventory id",
    ("bucket", "DELETE"): SETTINGS,
    ("bucket", "POST"): "delete",
    ("object", "GET"): "acl tagging legal-hold attributes uploadId",
    ("object", "PUT"): "acl tagging legal-hold retention uploadId",
    ("object", "DELETE"): "tagging uploadId",
    ("object", "POST"): "uploads uploadId restore",
}
"""The sub-resources that moto implements."""
MUTATING = frozenset({"PUT", "POST", "DELETE"})


@dataclass(frozen=True)
class S3Request:
    method: str
    target: str
    """The target in path style, whatever style the client used."""
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
        """True for PutObject and UploadPart."""
        if self.method != "PUT" or not self.key or "x-amz-copy-source" in self.headers:
            return False
        extra = {name for name in self.query if not name.lower().startswith(SIGNING)}
        return extra in (set(), {"uploadId", "partNumber"})

    def refuse_unknown(self) -> None:
        """Refuse unknown sub-resources. moto would ignore them, and list or delete the bucket or object itself."""
        method = "GET" if self.method == "HEAD" else self.method
        known = f"{LISTING} {RESOURCES.get(('object' if self.key else 'bucket', method), '')}".split()
        for name in self.query:
            if name not in known and not name.lower().startswith(SIGNING):
                raise Refusal(501, "NotImplemented", f"The emulator does not support ?{name} on this resource")

    @property
    def is_form(self) -> bool:
        """True for a browser upload (POST Object)."""
        return self.method == "POST" and not self.key and "delete" not in self.query

    @property
    def completes_upload(self) -> bool:
        return self.method == "POST" and bool(self.key) and "uploadId" in self.query

    @property
    def copies_part(self) -> bool:
        return self.method == "PUT" and "x-amz-copy-source" in self.headers and "uploadId" in self.query

    @property
    def source_bucket(self) -> str:
        return self.copy_source()[0] if "x-amz-copy-source" in self.headers else ""

    def copy_source(self) -> tuple[str, str, str | None]:
        """Return bucket, key and version of ``x-amz-copy-source``."""
        source = urlsplit(self.headers["x-amz-copy-source"].replace("#", "%23"))
        bucket, _, key = unquote(source.path).lstrip("/").partition("/")
        return bucket, key, parse_qs(source.query).get("versionId", [None])[0]


def listed_parts(body: bytes) -> list[tuple[int, str]]:
    """Return the part numbers and ETags of a CompleteMultipartUpload document."""
    try:
        root = ET.fromstring(body)
        parts = [element for element in root.iter() if element.tag.endswith("}Part") or element.tag == "Part"]
        return [(int(_child(part, "PartNumber")), _child(part, "ETag")) for part in parts]
    except (ET.ParseError, ValueError):
        raise Refusal(400, "MalformedXML", MALFORMED_XML) from None


def _child(part: ET.Element, name: str) -> str:
    for child in part:
        if child.tag.rpartition("}")[2] == name:
            return child.text or ""
    raise ValueError(name)
