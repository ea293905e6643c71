"""What was acknowledged is there after SIGKILL and after a restart; what was not is not, and leaves nothing behind."""

from __future__ import annotations

import errno
import http.client
import os
import signal
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from harness.aws.moto.object_rows import ObjectRows
from harness.aws.wire.incoming import Incoming
from tests.aws.moto.serving import client, running, serve, until

MEGABYTE = 1024 * 1024


def test_acknowledged_writes_survive_sigkill(tmp_path: Path) -> None:
    with running(tmp_path) as (address, process):
        s3 = client(address, "s3")
        s3.create_bucket(Bucket="bucket")
        s3.put_bucket_versioning(Bucket="bucket", VersioningConfiguration={"Status": "Enabled"})
        versions = [s3.put_object(Bucket="bucket", Key="v", Body=body)["VersionId"] for body in (b"1", b"2")]
        s3.put_object(
            Bucket="bucket", Key="full", Body=b"x" * 100, Metadata={"a": "b"}, ContentType="text/csv", Tagging="t=1"
        )
        s3.put_object(Bucket="bucket", Key="gone", Body=b"x")
        marker = s3.delete_object(Bucket="bucket", Key="gone")["VersionId"]
        upload = s3.create_multipart_upload(Bucket="bucket", Key="big", Metadata={"m": "n"})["UploadId"]
        given = {"Bucket": "bucket", "Key": "big", "UploadId": upload}
        first = s3.upload_part(**given, PartNumber=1, Body=b"a" * 5 * MEGABYTE)["ETag"]
        s3.put_bucket_tagging(Bucket="bucket", Tagging={"TagSet": [{"Key": "k", "Value": "v"}]})
        lifecycle = {"Rules": [{"ID": "r", "Status": "Enabled", "Filter": {"Prefix": "p"}, "Expiration": {"Days": 1}}]}
        s3.put_bucket_lifecycle_configuration(Bucket="bucket", LifecycleConfiguration=lifecycle)
        half = half_a_put(address, "/bucket/half", 10 * MEGABYTE, 3 * MEGABYTE)
        until(lambda: list((tmp_path / "s3" / "incoming").iterdir()))
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        half.close()
    assert list((tmp_path / "s3" / "incoming").iterdir())
    with serve(tmp_path) as served:
        s3 = served.client("s3")
        full = s3.get_object(Bucket="bucket", Key="full")
        assert (full["Body"].read(), full["Metadata"], full["ContentType"]) == (b"x" * 100, {"a": "b"}, "text/csv")
        assert full["TagCount"] == 1
        assert [s3.get_object(Bucket="bucket", Key="v", VersionId=v)["Body"].read() for v in versions] == [b"1", b"2"]
        assert s3.get_object(Bucket="bucket", Key="v")["VersionId"] == versions[1]
        assert [one["VersionId"] for one in s3.list_object_versions(Bucket="bucket")["DeleteMarkers"]] == [marker]
        assert sorted(one["Key"] for one in s3.list_objects_v2(Bucket="bucket")["Contents"]) == ["full", "v"]
        assert list((tmp_path / "s3" / "incoming").iterdir()) == []
        second = s3.upload_part(**given, PartNumber=2, Body=b"b")["ETag"]
        parts = [{"PartNumber": 1, "ETag": first}, {"PartNumber": 2, "ETag": second}]
        s3.complete_multipart_upload(**given, MultipartUpload={"Parts": parts})
        big = s3.get_object(Bucket="bucket", Key="big")
        assert (big["Body"].read(), big["Metadata"]) == (b"a" * 5 * MEGABYTE + b"b", {"m": "n"})
        assert s3.get_bucket_tagging(Bucket="bucket")["TagSet"] == [{"Key": "k", "Value": "v"}]
        assert s3.get_bucket_lifecycle_configuration(Bucket="bucket")["Rules"][0]["ID"] == "r"
        assert s3.get_bucket_versioning(Bucket="bucket")["Status"] == "Enabled"
        assert s3.list_buckets()["Buckets"][0]["Name"] == "bucket"


def test_everything_is_there_after_a_second_restart_too(tmp_path: Path) -> None:
    with serve(tmp_path) as served:
        s3 = served.client("s3")
        s3.create_bucket(Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        s3.put_object(Bucket="bucket", Key="k", Body=b"body")
        s3.upload_file(str(made(tmp_path / "big", 17 * MEGABYTE)), "bucket", "big")
        before = [s3.head_object(Bucket="bucket", Key=key) for key in ("k", "big")]
    for _ in range(2):
        with serve(tmp_path) as served:
            s3 = served.client("s3")
            after = [s3.head_object(Bucket="bucket", Key=key) for key in ("k", "big")]
            for old, new in zip(before, after, strict=True):
                assert {k: old[k] for k in ("ETag", "LastModified", "ContentLength")} == {
                    k: new[k] for k in ("ETag", "LastModified", "ContentLength")
                }
            part = s3.get_object(Bucket="bucket", Key="big", PartNumber=3)
            assert (len(part["Body"].read()), part["PartsCount"]) == (MEGABYTE, 3)
            assert s3.get_bucket_location(Bucket="bucket")["LocationConstraint"] == "eu-west-1"
            s3.copy_object(Bucket="bucket", Key="copy", CopySource="bucket/k")


def test_client_that_goes_away_in_the_middle_leaves_nothing(tmp_path: Path) -> None:
    with serve(tmp_path) as served:
        s3 = served.client("s3")
        s3.create_bucket(Bucket="bucket")
        incoming = tmp_path / "s3" / "incoming"
        half = half_a_put(served.address, "/bucket/half", 10 * MEGABYTE, 3 * MEGABYTE)
        until(lambda: list(incoming.iterdir()))
        half.close()
        until(lambda: not list(incoming.iterdir()))
        assert "Contents" not in s3.list_objects_v2(Bucket="bucket")


def test_deleted_bucket_stays_deleted(tmp_path: Path) -> None:
    with serve(tmp_path) as served:
        s3 = served.client("s3")
        s3.create_bucket(Bucket="bucket")
        s3.delete_bucket(Bucket="bucket")
    with serve(tmp_path) as served:
        assert served.client("s3").list_buckets()["Buckets"] == []


def test_reset_forgets_everything(tmp_path: Path) -> None:
    with serve(tmp_path) as served:
        s3 = served.client("s3")
        s3.create_bucket(Bucket="bucket")
        s3.put_object(Bucket="bucket", Key="k", Body=b"x")
        served.client("iam").create_user(UserName="me")
        served.logs.open("/group", "stream", "123456789012", "us-east-1").line("x")
        served.backend.reset()
        assert s3.list_buckets()["Buckets"] == []
        assert served.client("iam").list_users()["Users"] == []
        assert served.client("logs").describe_log_groups()["logGroups"] == []
        assert list((tmp_path / "s3" / "objects").glob("*/*")) == []
        s3.create_bucket(Bucket="bucket")
        s3.put_object(Bucket="bucket", Key="k", Body=b"x")


def test_full_disk_is_a_clear_error_and_damages_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_space(*given: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    def no_row(*given: Any) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with serve(tmp_path) as served:
        s3 = served.client("s3")
        s3.create_bucket(Bucket="bucket")
        s3.put_object(Bucket="bucket", Key="k", Body=b"old")
        for owner, method, fails in ((Incoming, "feed", no_space), (ObjectRows, "put_version", no_row)):
            with monkeypatch.context() as patched:
                patched.setattr(owner, method, fails)
                for key in ("k", "new"):
                    with pytest.raises(ClientError, match="disk that holds the emulator's state is full") as refused:
                        s3.put_object(Bucket="bucket", Key=key, Body=b"new")
                    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 507
            assert s3.get_object(Bucket="bucket", Key="k")["Body"].read() == b"old"
            assert [one["Key"] for one in s3.list_objects_v2(Bucket="bucket")["Contents"]] == ["k"]
        assert len(list((tmp_path / "s3" / "objects").glob("*/*"))) == 1
        s3.put_object(Bucket="bucket", Key="k", Body=b"new")
        assert s3.get_object(Bucket="bucket", Key="k")["Body"].read() == b"new"


def test_completion_that_could_not_be_saved_can_be_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_row(*given: Any) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with serve(tmp_path) as served:
        s3 = served.client("s3")
        s3.create_bucket(Bucket="bucket")
        given = {"Bucket": "bucket", "Key": "k"}
        given["UploadId"] = s3.create_multipart_upload(**given)["UploadId"]
        parts = []
        for number, body in ((1, b"a" * 5 * MEGABYTE), (2, b"b")):
            etag = s3.upload_part(**given, PartNumber=number, Body=body)["ETag"]
            parts.append({"PartNumber": number, "ETag": etag})
        with monkeypatch.context() as patched:
            patched.setattr(ObjectRows, "put_version", no_row)
            with pytest.raises(ClientError, match="is full"):
                s3.complete_multipart_upload(**given, MultipartUpload={"Parts": parts})
        assert [one["Size"] for one in s3.list_parts(**given)["Parts"]] == [5 * MEGABYTE, 1]
        s3.complete_multipart_upload(**given, MultipartUpload={"Parts": parts})
        assert s3.get_object(Bucket="bucket", Key="k")["Body"].read() == b"a" * 5 * MEGABYTE + b"b"
        assert len(list((tmp_path / "s3" / "objects").glob("*/*"))) == 1


@pytest.mark.parametrize("megabytes", [300, pytest.param(1024, marks=pytest.mark.slow)])
def test_memory_does_not_grow_with_objects(tmp_path: Path, megabytes: int) -> None:
    source, into = made(tmp_path / "source", megabytes * MEGABYTE), tmp_path / "into"
    with running(tmp_path / "state") as (address, process):
        s3 = client(address, "s3")
        s3.create_bucket(Bucket="bucket")
        s3.put_object(Bucket="bucket", Key="warm", Body=b"x" * MEGABYTE)
        before = peak(process.pid, reset=True)
        with source.open("rb") as body:
            s3.put_object(Bucket="bucket", Key="whole", Body=body)
        s3.upload_file(str(source), "bucket", "parts")
        for key in ("whole", "parts"):
            s3.download_file("bucket", key, str(into))
            assert into.stat().st_size == megabytes * MEGABYTE
        grown = peak(process.pid) - before
        assert grown < 100 * MEGABYTE, f"{grown / MEGABYTE:.0f} MB"


def peak(pid: int, reset: bool = False) -> int:
    if reset:
        Path(f"/proc/{pid}/clear_refs").write_text("5")
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) * 1024


def made(path: Path, size: int) -> Path:
    with path.open("wb") as file:
        for number in range(size // MEGABYTE):
            file.write(number.to_bytes(4, "big") * (MEGABYTE // 4))
    return path


def half_a_put(address: str, path: str, size: int, sent: int) -> http.client.HTTPConnection:
    connection = http.client.HTTPConnection(address.removeprefix("http://"))
    connection.putrequest("PUT", path)
    connection.putheader("Content-Length", str(size))
    connection.endheaders()
    connection.send(b"x" * sent)
    return connection
