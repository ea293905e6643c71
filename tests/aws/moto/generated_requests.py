"""Random S3 requests made from botocore's model of S3: right in part, wrong in part, always the same for one seed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import escape

from botocore.loaders import Loader
from botocore.model import ServiceModel

BUCKET = "bucket"
NASTY = [
    "", " ", "0", "-1", "1", "x", "null", "true", "1e400", "9" * 400, "a" * 2000, "é€", "\x01", "\x00", "a\r\nB: c",
    "%zz", "<a>", "&", '"', "'", "[", "(", "*", "../..", "//", "=", ",", ";", "bytes=-", "bytes=5-1", "bytes=0-0",
    "bytes=0-", "2020-01-01T00:00:00Z", "2020-13-45", "Wed, 21 Oct 2015 07:28:00 GMT", "arn:aws:s3:::b", "uri=x",
    'id="1"', "{}", "[]", "private", "STANDARD", "AES256", "aws:kms", "url", "/", "b/k", "bucket/k",
    "bucket/k?versionId=x", "//[",
]  # fmt: skip
DOCUMENTS = [
    b"", b"x", b"<", b"<a/>", b"<a>" * 3000, b"\xff\xfe", b"\x00", b"{}", b'{"Statement": 1}', b"[" * 5000,
    b'<?xml version="1.0" encoding="x"?><a/>', b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
]  # fmt: skip
HEADERS = (
    "Range", "If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "Content-MD5", "Content-Type",
    "Content-Encoding", "Origin", "Access-Control-Request-Method", "x-amz-copy-source", "x-amz-copy-source-range",
    "x-amz-copy-source-if-modified-since", "x-amz-tagging", "x-amz-acl", "x-amz-grant-read", "x-amz-grant-x",
    "x-amz-content-sha256", "x-amz-decoded-content-length", "x-amz-trailer", "x-amz-sdk-checksum-algorithm",
    "x-amz-checksum-algorithm", "x-amz-checksum-mode", "x-amz-storage-class", "x-amz-meta-a", "x-amz-mp-object-size",
    "x-amz-object-lock-mode", "x-amz-object-lock-retain-until-date", "x-amz-bypass-governance-retention",
    "x-amz-server-side-encryption", "x-amz-website-redirect-location", "x-amz-bucket-namespace", "x-amz-trailer",
)  # fmt: skip
HEADER_TEXTS = [
    *NASTY, "aws-chunked", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
    "multipart/form-data", "multipart/form-data; boundary=b", "application/x-www-form-urlencoded", "CRC32",
    "CRC64NVME", "bytes=0-1,3-4", "bytes=-0", "bytes=" + "9" * 90 + "-", "a=b&a=c", "a=b&c", "%ff=a",
    "Thu, 01 Jan 99999 00:00:00 GMT", "gzip", "²", "1²",
]  # fmt: skip
FIELDS = (
    "key", "file", "acl", "success_action_status", "success_action_redirect", "tagging", "x-amz-meta-a",
    "Content-Type", "x-amz-storage-class", "policy", "x-amz-signature", "AWSAccessKeyId", "bucket", "redirect",
)  # fmt: skip
QUERIES = (
    "response-content-type=a%0d%0aB:c", "response-expires=%00", "%ff", "x=%zz", "versionId=", "=", "&&", "acl",
    "tagging", "uploads", "uploadId=x", "partNumber=0", "partNumber=²", "max-keys=x", "versions", "delete", "restore",
    "select", "list-type=3", "encoding-type=x", "continuation-token=", "continuation-token=%ff", "marker=%00",
    "delimiter=", "policy", "delimiter=k", "prefix=%00", "key-marker=k&version-id-marker=x", "version-id-marker=x",
    "X-Amz-Signature=x&X-Amz-Date=x", "Signature=x&Expires=x&AWSAccessKeyId=x", "object-lock", "attributes",
    "legal-hold", "retention", "torrent", "session",
)  # fmt: skip
GRANTEE_TYPE = ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="Group"'
STREAMS = ("PutObject", "UploadPart")


@dataclass
class Generated:
    operation: str
    method: str
    target: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


def generated_requests(seed: int, count: int) -> Iterator[Generated]:
    model = ServiceModel(Loader().load_service_model("s3", "service-2"), "s3")
    choose = random.Random(seed)
    names = list(model.operation_names)
    for number in range(count):
        if number % len(names) == 0:
            choose.shuffle(names)
        yield (
            _form(choose)
            if choose.random() < 0.05
            else _request(model.operation_model(names[number % len(names)]), choose)
        )


def _request(operation: Any, choose: random.Random) -> Generated:
    path, _, query = operation.http["requestUri"].partition("?")
    bucket = choose.choice([BUCKET] * 8 + ["no-such-bucket", "A..b", "é"])
    key = choose.choice(["k"] * 6 + ["none", "a/b", "é €", "a" * 1100, "\x01", "k\x00", "%", "..", "//", "?#+"])
    path = path.replace("{Bucket}", quote(bucket, safe="")).replace("{Key+}", quote(key))
    parts = [query] if query else []
    headers: dict[str, str] = {}
    shape = operation.input_shape
    for name, member in shape.members.items() if shape is not None else ():
        where = member.serialization.get("location")
        wanted = choose.random() < (0.9 if name in shape.required_members else 0.3)
        if where == "querystring" and wanted:
            parts.append(f"{member.serialization['name']}={quote(_text(member, choose), safe='')}")
        elif where == "header" and wanted and member.serialization["name"] != "Content-Length":
            headers[member.serialization["name"]] = _header(_text(member, choose))
        elif where == "headers" and wanted:
            headers[member.serialization["name"] + "a"] = _header(choose.choice(NASTY))
    while choose.random() < 0.2:
        parts.append(choose.choice(QUERIES))
    while choose.random() < 0.3:
        headers[_header(choose.choice(HEADERS))] = _header(choose.choice(HEADER_TEXTS))
    method = operation.http["method"]
    if choose.random() < 0.03:
        method = choose.choice(["GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS", "PATCH", "PROPFIND"])
    target = path + ("?" + "&".join(parts) if parts else "")
    target = quote(target, safe="/?&=%+#:;,")
    return Generated(operation.name, method, target, headers, _body(operation, choose))


def _header(text: str) -> str:
    """Only what a client can send."""
    return "".join(letter for letter in text if letter.isprintable()).encode("utf-8").decode("latin-1")


def _form(choose: random.Random) -> Generated:
    parts = []
    for _ in range(choose.choice((0, 1, 2, 3, 5))):
        name = choose.choice(FIELDS)
        file = '; filename="a"' if choose.random() < 0.3 else ""
        text = choose.choice([*NASTY, "200", "201", "http://x/", "http://["])
        parts.append(f'--b\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n{text}\r\n')
    body = "".join(parts) + choose.choice(["--b--\r\n", "--b--\r\n", "", "--c"])
    content = choose.choice(
        ["multipart/form-data; boundary=b"] * 5 + ["multipart/form-data", "multipart/form-data; boundary=c"]
    )
    return Generated("PostObject", "POST", f"/{BUCKET}", {"Content-Type": content}, body.encode())


def _body(operation: Any, choose: random.Random) -> bytes:
    shape = operation.input_shape
    payload = shape.serialization.get("payload") if shape is not None else None
    if operation.name in STREAMS:
        return b"content"
    if choose.random() < 0.15:
        return choose.choice(DOCUMENTS)
    if payload is None or shape.members[payload].type_name != "structure":
        return choose.choice(DOCUMENTS) if payload else b""
    member = shape.members[payload]
    document = _element(member.serialization.get("name", payload), member, choose, 0)
    return (_broken(document, choose) if choose.random() < 0.1 else document).encode()


def _broken(document: str, choose: random.Random) -> str:
    """Leave a piece out, or say it twice."""
    first, last = sorted(choose.randrange(len(document) + 1) for _ in range(2))
    return document[:first] + document[last:] if choose.random() < 0.5 else document[:last] + document[first:]


def _element(name: str, shape: Any, choose: random.Random, depth: int) -> str:
    kind = choose.random()
    if kind < 0.04:
        return ""
    if kind < 0.06:
        return f"<{name}/>"
    if shape.type_name == "structure" and depth < 6:
        inner = "".join(_member(title, each, choose, depth) for title, each in shape.members.items())
        attribute = (
            ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="Group"' if name == "Grantee" else ""
        )
        return f"<{name}{attribute}>{inner}</{name}>"
    if shape.type_name == "structure":
        return f"<{name}/>"
    return f"<{name}>{_xml(_text(shape, choose))}</{name}>"


def _member(title: str, shape: Any, choose: random.Random, depth: int) -> str:
    if choose.random() < 0.25 or shape.serialization.get("xmlAttribute"):
        return ""
    if shape.type_name != "list":
        return _element(shape.serialization.get("name", title), shape, choose, depth + 1)
    item = shape.member.serialization.get("name", "member")
    flat = shape.serialization.get("flattened")
    name = shape.serialization.get("name", title)
    inner = "".join(
        _element(name if flat else item, shape.member, choose, depth + 1) for _ in range(choose.choice((0, 1, 1, 2)))
    )
    return inner if flat else f"<{name}>{inner}</{name}>"


def _text(shape: Any, choose: random.Random) -> str:
    """Mostly something that fits."""
    if choose.random() < 0.3:
        return choose.choice(NASTY)
    if shape.type_name in ("integer", "long"):
        return choose.choice(["0", "1", "2", "1000"])
    if shape.type_name == "boolean":
        return choose.choice(["true", "false"])
    if shape.type_name == "timestamp":
        return choose.choice(["2020-01-01T00:00:00Z", "Wed, 21 Oct 2015 07:28:00 GMT"])
    if getattr(shape, "enum", None):
        return choose.choice(shape.enum)
    return choose.choice(["k", "a", "1", "bucket/k", "text"])


def _xml(text: str) -> str:
    return escape("".join(letter for letter in text if letter >= " " or letter in "\r\n"))
