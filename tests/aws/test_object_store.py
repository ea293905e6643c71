"""``ObjectStore`` and S3 by wire are the same objects, whichever backend holds them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.kernel.s3uri import S3Uri
from harness.stores.objects import BucketMissing, ObjectMissing, ObjectStore
from tests.aws.conftest import Backed
from tests.aws.moto.serving import ACCOUNT

URI = S3Uri("bucket", "folder/key.txt")


@pytest.fixture
def objects(backed: Backed) -> ObjectStore:
    objects = backed.backend.objects(ACCOUNT, "us-east-1")
    objects.create_bucket("bucket")
    objects.create_bucket("bucket")
    return objects


def test_what_is_written_here_is_read_there(backed: Backed, objects: ObjectStore, tmp_path: Path) -> None:
    s3: Any = backed.client("s3")
    objects.write(URI, b"one", content_type="text/plain")
    got = s3.get_object(Bucket="bucket", Key="folder/key.txt")
    assert (got["Body"].read(), got["ContentType"]) == (b"one", "text/plain")
    source = tmp_path / "source"
    source.write_bytes(b"x" * 3_000_000)
    objects.upload(source, S3Uri("bucket", "up"))
    info = objects.head(S3Uri("bucket", "up"))
    head = s3.head_object(Bucket="bucket", Key="up")
    assert info is not None
    assert (info.size, f'"{info.etag}"') == (3_000_000, head["ETag"])
    assert abs(info.modified - head["LastModified"].timestamp()) < 1


def test_what_is_put_there_is_read_here(backed: Backed, objects: ObjectStore, tmp_path: Path) -> None:
    s3: Any = backed.client("s3")
    s3.put_object(Bucket="bucket", Key="folder/key.txt", Body=b"theirs", Tagging="a=1")
    assert objects.read(URI) == b"theirs"
    assert objects.tags(URI) == {"a": "1"}
    with objects.open(URI) as stream:
        objects.delete(URI)
        assert stream.read() == b"theirs"
    assert objects.head(URI) is None


def test_download_is_a_file_of_its_own(objects: ObjectStore, tmp_path: Path) -> None:
    objects.write(URI, b"theirs")
    objects.download(URI, tmp_path / "copy")
    (tmp_path / "copy").write_bytes(b"changed by a job")
    assert objects.read(URI) == b"theirs"


def test_listing_in_key_order(objects: ObjectStore) -> None:
    for key in ("b/2", "a", "b/10", "b/1", "c"):
        objects.write(S3Uri("bucket", key), key.encode())
    objects.delete(S3Uri("bucket", "b/1"))
    assert [info.uri.key for info in objects.list(S3Uri("bucket", "b/"))] == ["b/10", "b/2"]
    assert [info.size for info in objects.list(S3Uri("bucket"))] == [1, 4, 3, 1]


def test_what_is_missing(objects: ObjectStore, tmp_path: Path) -> None:
    nowhere = S3Uri("no-bucket", "k")
    with pytest.raises(BucketMissing):
        list(objects.list(nowhere))
    for call in (objects.read, objects.open, objects.tags, lambda uri: objects.download(uri, tmp_path / "x")):
        with pytest.raises(BucketMissing):
            call(nowhere)
        with pytest.raises(ObjectMissing):
            call(S3Uri("bucket", "none"))
    with pytest.raises(BucketMissing):
        objects.write(nowhere, b"x")
    objects.delete(S3Uri("bucket", "none"))
    assert objects.head(S3Uri("bucket", "none")) is None
    assert (objects.bucket_exists("bucket"), objects.bucket_exists("no-bucket")) == (True, False)


def test_large_files_both_ways(objects: ObjectStore, tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(bytes(range(256)) * 200_000)
    objects.upload(source, URI)
    objects.download(URI, target)
    assert target.read_bytes() == source.read_bytes()
    with pytest.raises(BucketMissing):
        objects.upload(source, S3Uri("no-bucket", "k"))
