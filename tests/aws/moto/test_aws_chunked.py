"""Uploads in ``aws-chunked`` framing, as SDKs send them over https, with and without signatures and trailers."""

from __future__ import annotations

import base64
import http.client
import zlib

import pytest

from harness.aws.wire.incoming import Unchunked
from tests.aws.moto.serving import Served

DATA = bytes(range(256)) * 1024


def framed(data: bytes, size: int, signed: bool, trailer: bytes = b"") -> bytes:
    extension = b";chunk-signature=" + b"0" * 64 if signed else b""
    pieces = [data[at : at + size] for at in range(0, len(data), size)] + [b""]
    chunks = [b"%x%s\r\n%s" % (len(piece), extension, piece + b"\r\n" if piece else b"") for piece in pieces]
    return b"".join(chunks) + trailer + b"\r\n"


def put(served: Served, body: bytes, **headers: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(served.address.removeprefix("http://"))
    given = {"content-encoding": "aws-chunked", "x-amz-decoded-content-length": str(len(DATA))}
    connection.request(
        "PUT", "/bucket/k", body, {**given, **{name.replace("_", "-"): v for name, v in headers.items()}}
    )
    answer = connection.getresponse()
    found = answer.status, answer.read()
    connection.close()
    return found


def crc(data: bytes) -> str:
    return base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()


@pytest.mark.parametrize("signed", [True, False])
def test_framed_upload(served: Served, signed: bool) -> None:
    s3 = served.client("s3")
    s3.create_bucket(Bucket="bucket")
    kind = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD" if signed else "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
    trailer = b"" if signed else b"x-amz-checksum-crc32:" + crc(DATA).encode() + b"\r\n"
    body = framed(DATA, 65536, signed, trailer)
    named = {} if signed else {"x_amz_trailer": "x-amz-checksum-crc32"}
    assert put(served, body, x_amz_content_sha256=kind, **named) == (200, b"")
    got = s3.get_object(Bucket="bucket", Key="k", ChecksumMode="ENABLED")
    assert got["Body"].read() == DATA
    assert "ContentEncoding" not in got
    assert got.get("ChecksumCRC32") == (None if signed else crc(DATA))


def test_wrong_trailer_or_broken_framing_is_refused(served: Served) -> None:
    served.client("s3").create_bucket(Bucket="bucket")
    kind = {"x_amz_content_sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "x_amz_trailer": "x-amz-checksum-crc32"}
    status, body = put(served, framed(DATA, 9999, False, b"x-amz-checksum-crc32:AAAAAA==\r\n"), **kind)
    assert (status, b"<Code>BadDigest</Code>" in body) == (400, True)
    status, body = put(served, framed(DATA, 9999, False)[:-9999], **kind)
    assert (status, b"<Code>IncompleteBody</Code>" in body) == (400, True)
    status, body = put(served, b"this is no chunk\r\n", **kind)
    assert (status, b"<Code>InvalidRequest</Code>" in body) == (400, True)
    assert "Contents" not in served.client("s3").list_objects_v2(Bucket="bucket")


@pytest.mark.parametrize("step", [1, 2, 3, 7, 1000])
def test_framing_may_be_cut_anywhere(step: int) -> None:
    data = DATA[:2000]
    text = framed(data, 333, True, b"x-amz-checksum-crc32:abcd\r\n")
    chunks = Unchunked()
    found = b"".join(piece for at in range(0, len(text), step) for piece in chunks.feed(text[at : at + step]))
    assert found == data
    assert chunks.whole
    assert chunks.trailers == {"x-amz-checksum-crc32": "abcd"}
