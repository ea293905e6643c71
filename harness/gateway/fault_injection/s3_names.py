"""Names for S3 requests, as far as faults need them: operation, bucket and key. Serves nothing."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import unquote

from harness.kernel.http import Request

_VIRTUAL_HOST = re.compile(r"^(?P<bucket>[a-z0-9][a-z0-9.-]+?)\.(?:s3[.-][^:]*|s3|localhost)(?::\d+)?$")
_KEY_OF = {"GET": "GetObject", "HEAD": "HeadObject", "PUT": "PutObject", "DELETE": "DeleteObject"}
_BUCKET_OF = {"GET": "ListObjects", "HEAD": "HeadBucket", "PUT": "CreateBucket", "DELETE": "DeleteBucket"}
# method, with a key, what the query must hold -> operation
_BY_QUERY = {
    ("PUT", True, "partNumber"): "UploadPart",
    ("POST", True, "uploads"): "CreateMultipartUpload",
    ("POST", True, "uploadId"): "CompleteMultipartUpload",
    ("DELETE", True, "uploadId"): "AbortMultipartUpload",
    ("GET", True, "uploadId"): "ListParts",
    ("GET", False, "list-type"): "ListObjectsV2",
    ("GET", False, "uploads"): "ListMultipartUploads",
    ("GET", False, "location"): "GetBucketLocation",
    ("POST", False, "delete"): "DeleteObjects",
}
_PLAIN = ("prefix", "delimiter", "marker", "max-keys", "encoding-type", "versionId", "x-id")
"""Parameters of the plain operations; any other names a sub-resource, such as ``?tagging``."""

OPERATIONS = frozenset({*_KEY_OF.values(), *_BUCKET_OF.values(), *_BY_QUERY.values(), "CopyObject", "ListBuckets"})


class S3Call(NamedTuple):
    """``operation`` is empty for one that is not in ``OPERATIONS``."""

    operation: str
    bucket: str
    key: str


def bucket_in_host(request: Request) -> str:
    """The bucket that the Host header names (virtual-host addressing); else empty."""
    hosted = _VIRTUAL_HOST.match(request.headers.get("Host", "").lower())
    return hosted["bucket"] if hosted is not None and hosted["bucket"] != "s3" else ""


def s3_call(request: Request) -> S3Call:
    path = request.path.lstrip("/")
    hosted = bucket_in_host(request)
    if hosted:
        path = f"{hosted}/{path}"
    bucket, _, key = path.partition("/")
    return S3Call(_operation(request, bool(bucket), bool(key)), unquote(bucket), unquote(key))


def _operation(request: Request, in_bucket: bool, with_key: bool) -> str:
    method = request.method
    if not in_bucket:
        return "ListBuckets" if method == "GET" else ""
    query = request.query
    for (its_method, its_key, parameter), operation in _BY_QUERY.items():
        if (its_method, its_key) == (method, with_key) and parameter in query:
            return operation
    if any(name not in _PLAIN and not name.lower().startswith(("x-amz-", "response-")) for name in query):
        return ""
    if method == "PUT" and with_key and "x-amz-copy-source" in request.headers:
        return "CopyObject"
    return (_KEY_OF if with_key else _BUCKET_OF).get(method, "")
