"""An emulator whose objects lie in an S3 by URL, one that checks signatures: what clients send, signed with any key or
none, arrives there signed with the right one."""

from __future__ import annotations

import base64
import hashlib
import http.client
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.exceptions import ClientError

from harness.emulator import Emulator
from harness.kernel.errors import StateError
from harness.settings import Settings
from tests.aws.remote.verifying_s3 import ACCESS, SECRET
from tests.cloud import BUCKET, Cloud, running_cloud

ODD = "a folder/ü+1 (x)~'!$&=@:,;%41/k.txt"


@pytest.fixture(scope="module")
def s3_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    command = [
        sys.executable,
        "-m",
        "tests.aws.remote.verifying_s3",
        str(tmp_path_factory.mktemp("s3")),
    ]
    root = Path(__file__).parents[3]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.stdin.close()


@pytest.fixture(scope="module")
def cloud(s3_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HARNESS_S3_ACCESS_KEY_ID", ACCESS)
        patch.setenv("HARNESS_S3_SECRET_ACCESS_KEY", SECRET)
        with running_cloud(tmp_path_factory.mktemp("cloud") / ".harness", s3_url=s3_url) as made:
            yield made


@pytest.fixture
def there(s3_url: str) -> Iterator[Any]:
    """A client of the S3 itself, with its key."""
    keys = {"aws_access_key_id": ACCESS, "aws_secret_access_key": SECRET}
    client = boto3.client("s3", endpoint_url=s3_url, region_name="us-east-1", **keys)
    yield client
    client.close()


@pytest.mark.parametrize("key", ["plain", ODD])
def test_objects_lie_there(cloud: Cloud, there: Any, key: str) -> None:
    cloud.s3.put_object(Bucket=BUCKET, Key=key, Body=b"ours", Metadata={"a": "1"})
    got = there.get_object(Bucket=BUCKET, Key=key)
    assert (got["Body"].read(), got["Metadata"]) == (b"ours", {"a": "1"})
    there.put_object(Bucket=BUCKET, Key=key, Body=b"theirs" * 50_000)
    assert cloud.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() == b"theirs" * 50_000
    assert cloud.s3.head_object(Bucket=BUCKET, Key=key)["ContentLength"] == 300_000
    listed = cloud.s3.list_objects_v2(Bucket=BUCKET, Prefix=key, Delimiter="%")
    assert listed["KeyCount"] == 1
    cloud.s3.copy_object(Bucket=BUCKET, Key=f"{key}-copy", CopySource={"Bucket": BUCKET, "Key": key})
    cloud.s3.delete_object(Bucket=BUCKET, Key=key)
    with pytest.raises(ClientError, match="404"):
        there.head_object(Bucket=BUCKET, Key=key)


@pytest.mark.parametrize("signature", ["s3", "s3v4"])
def test_presigned_urls(cloud: Cloud, there: Any, signature: str) -> None:
    s3 = cloud.client("s3", signature_version=signature)
    asked = {"Bucket": BUCKET, "Key": f"presigned {signature}"}
    put = urllib.request.Request(s3.generate_presigned_url("put_object", asked), data=b"by url", method="PUT")
    put.add_header("Content-Type", "")
    urllib.request.urlopen(put).close()
    assert there.get_object(**asked)["Body"].read() == b"by url"
    url = s3.generate_presigned_url("get_object", {**asked, "ResponseContentType": "text/x"})
    with urllib.request.urlopen(url) as got:
        assert (got.read(), got.headers["Content-Type"]) == (b"by url", "text/x")
    s3.close()


@pytest.mark.parametrize("signed", [True, False])
def test_aws_chunked_uploads(cloud: Cloud, there: Any, signed: bool) -> None:
    """Chunks signed with a key of the emulator's make no sense there: their framing goes; unsigned ones pass."""
    data = b"y" * 100_000
    mark = ";chunk-signature=" + "0" * 64 if signed else ""
    body = b"".join(f"{len(part):x}{mark}\r\n".encode() + part + b"\r\n" for part in (data[:65536], data[65536:]))
    body += f"0{mark}\r\n\r\n".encode()
    headers = {
        "Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request, "
        "SignedHeaders=host, Signature=0",
        "X-Amz-Content-SHA256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
        if signed
        else "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "X-Amz-Decoded-Content-Length": str(len(data)),
        "Content-Encoding": "aws-chunked",
    }
    asked = urllib.request.Request(f"{cloud.address}/{BUCKET}/chunked", data=body, headers=headers, method="PUT")
    urllib.request.urlopen(asked).close()
    got = there.get_object(Bucket=BUCKET, Key="chunked")
    assert (got["Body"].read(), got.get("ContentEncoding") or None) == (data, None)


@pytest.mark.parametrize(("given", "status"), [("right", 200), ("wrong", 400), ("cut", 400)])
def test_trailing_checksums_of_signed_chunks_are_verified(cloud: Cloud, there: Any, given: str, status: int) -> None:
    data, mark = b"z" * 70_000, ";chunk-signature=" + "0" * 64
    right = base64.b64encode(hashlib.sha256(data).digest()).decode()
    trailer = right if given == "right" else base64.b64encode(b"0" * 32).decode()
    body = f"{len(data):x}{mark}\r\n".encode() + data + b"\r\n"
    if given != "cut":
        body += f"0{mark}\r\nx-amz-checksum-sha256:{trailer}\r\n\r\n".encode()
    headers = {
        "Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request, "
        "SignedHeaders=host, Signature=0",
        "X-Amz-Content-SHA256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
        "X-Amz-Decoded-Content-Length": str(len(data)),
        "X-Amz-Trailer": "x-amz-checksum-sha256",
        "Content-Encoding": "aws-chunked",
    }
    where = urlsplit(cloud.address)
    asked = http.client.HTTPConnection(where.hostname or "", where.port, timeout=30)
    asked.request("PUT", f"/{BUCKET}/trailer-{given}", body=body, headers=headers)
    assert asked.getresponse().status == status
    asked.close()
    stored = there.list_objects_v2(Bucket=BUCKET, Prefix=f"trailer-{given}")["KeyCount"]
    assert stored == (1 if status == 200 else 0)


def test_parts(cloud: Cloud, there: Any, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(bytes(range(256)) * 80_000)
    cloud.s3.upload_file(str(source), BUCKET, "in parts")
    found = there.get_object(Bucket=BUCKET, Key="in parts")
    assert hashlib.sha256(found["Body"].read()).digest() == hashlib.sha256(source.read_bytes()).digest()


def test_a_job_reads_and_writes_there(cloud: Cloud, there: Any) -> None:
    there.put_object(Bucket=BUCKET, Key="in/rows.txt", Body=b"1 2 3")
    script = """
numbers = open("/opt/ml/processing/in/rows.txt").read().split()
open("/opt/ml/processing/out/sum", "w").write(str(sum(map(int, numbers))))
"""
    job = cloud.process(
        script,
        inputs={"/opt/ml/processing/in": f"s3://{BUCKET}/in"},
        outputs={"/opt/ml/processing/out": f"s3://{BUCKET}/out"},
    )
    assert job["ProcessingJobStatus"] == "Completed", job.get("FailureReason")
    assert there.get_object(Bucket=BUCKET, Key="out/sum")["Body"].read() == b"6"


def test_a_bucket_that_is_not_there_is_named(cloud: Cloud) -> None:
    with pytest.raises(ClientError, match="NoSuchBucket"):
        cloud.s3.put_object(Bucket="no-such-bucket", Key="k", Body=b"x" * 1_000_000)
    with pytest.raises(ClientError, match="no-such-bucket"):
        cloud.process("pass", inputs={"/opt/ml/processing/in": "s3://no-such-bucket/in"})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"HARNESS_S3_SECRET_ACCESS_KEY": "wrong"}, "does not take the access key"),
        ({"HARNESS_S3_ACCESS_KEY_ID": "AKIAWRONG"}, "does not take the access key AKIAWRONG"),
        ({"HARNESS_S3_ACCESS_KEY_ID": "", "AWS_ACCESS_KEY_ID": ""}, "needs keys; set HARNESS_S3_ACCESS_KEY_ID"),
        ({"url": "http://127.0.0.1:1"}, "no S3 answers at http://127.0.0.1:1"),
        ({"url": "127.0.0.1:9000"}, "is not the URL of an S3 service"),
        ({"url": "http://127.0.0.1:9000/bucket"}, "no path"),
    ],
)
def test_what_cannot_work_is_said_at_the_start(
    s3_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, str], said: str
) -> None:
    monkeypatch.setenv("HARNESS_S3_ACCESS_KEY_ID", ACCESS)
    monkeypatch.setenv("HARNESS_S3_SECRET_ACCESS_KEY", SECRET)
    url = change.pop("url", s3_url)
    for name, value in change.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(StateError, match=said):
        Emulator(Settings(state=tmp_path / ".harness", port=0, s3_url=url)).start()
