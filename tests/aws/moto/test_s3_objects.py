"""S3 through boto3: what goes in comes out, with everything S3 says about it."""

from __future__ import annotations

import base64
import hashlib
import http.client
import io
import urllib.request
import zlib
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.aws.moto.serving import Served

BIG = bytes(range(256)) * 4096 * 20  # 20 MiB: boto3 makes three parts of it


@pytest.fixture
def s3(served: Served) -> Any:
    s3 = served.client("s3")
    s3.create_bucket(Bucket="bucket")
    return s3


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


@pytest.mark.parametrize("key", ["plain.txt", "a b/c#d?e+f&g=h%20.txt", "naïve/日本.csv", "/lead//double/", "x;y,z~"])
def test_object_comes_back_as_it_was_put(s3: Any, key: str) -> None:
    put = s3.put_object(
        Bucket="bucket", Key=key, Body=b"hello", Metadata={"who": "me"}, ContentType="text/csv", Tagging="a=1&b=2"
    )
    got = s3.get_object(Bucket="bucket", Key=key, ChecksumMode="ENABLED")
    assert got["Body"].read() == b"hello"
    assert got["Metadata"] == {"who": "me"}
    assert got["ContentType"] == "text/csv"
    assert got["ETag"] == put["ETag"] == f'"{hashlib.md5(b"hello").hexdigest()}"'
    assert got["ChecksumCRC32"] == base64.b64encode(zlib.crc32(b"hello").to_bytes(4, "big")).decode()
    assert s3.get_object_tagging(Bucket="bucket", Key=key)["TagSet"] == [
        {"Key": "a", "Value": "1"},
        {"Key": "b", "Value": "2"},
    ]
    assert [one["Key"] for one in s3.list_objects_v2(Bucket="bucket")["Contents"]] == [key]
    assert [one["Key"] for one in s3.list_objects(Bucket="bucket", Prefix=key[:1])["Contents"]] == [key]


def test_empty_object(s3: Any) -> None:
    s3.put_object(Bucket="bucket", Key="empty", Body=b"")
    got = s3.get_object(Bucket="bucket", Key="empty")
    assert (got["Body"].read(), got["ContentLength"]) == (b"", 0)
    assert s3.head_object(Bucket="bucket", Key="empty")["ContentLength"] == 0


@pytest.mark.parametrize(
    ("asked", "expected", "said"),
    [
        ("bytes=0-0", b"0", "bytes 0-0/10"),
        ("bytes=3-5", b"345", "bytes 3-5/10"),
        ("bytes=7-", b"789", "bytes 7-9/10"),
        ("bytes=-2", b"89", "bytes 8-9/10"),
        ("bytes=5-99", b"56789", "bytes 5-9/10"),
    ],
)
def test_range(s3: Any, asked: str, expected: bytes, said: str) -> None:
    s3.put_object(Bucket="bucket", Key="k", Body=b"0123456789")
    got = s3.get_object(Bucket="bucket", Key="k", Range=asked)
    assert (got["Body"].read(), got["ContentRange"], got["ContentLength"]) == (expected, said, len(expected))


def test_range_beyond_the_end_is_refused(s3: Any) -> None:
    s3.put_object(Bucket="bucket", Key="k", Body=b"0123456789")
    with pytest.raises(ClientError) as refused:
        s3.get_object(Bucket="bucket", Key="k", Range="bytes=10-")
    assert code(refused) == "InvalidRange"


def test_multipart_upload_and_parallel_download(s3: Any) -> None:
    s3.upload_fileobj(io.BytesIO(BIG), "bucket", "big")
    into = io.BytesIO()
    s3.download_fileobj("bucket", "big", into)
    assert into.getvalue() == BIG
    head = s3.head_object(Bucket="bucket", Key="big")
    assert head["ETag"].endswith('-3"')
    part = s3.get_object(Bucket="bucket", Key="big", PartNumber=2)
    step = 8 * 1024 * 1024
    assert part["Body"].read() == BIG[step : 2 * step]
    assert (part["PartsCount"], part["ContentRange"]) == (3, f"bytes {step}-{2 * step - 1}/{len(BIG)}")


def test_multipart_upload_checks_its_parts(s3: Any) -> None:
    upload = s3.create_multipart_upload(Bucket="bucket", Key="k")["UploadId"]
    given = {"Bucket": "bucket", "Key": "k", "UploadId": upload}
    etags = [s3.upload_part(**given, PartNumber=n, Body=b"small")["ETag"] for n in (1, 2)]
    listed = s3.list_parts(**given)["Parts"]
    assert [(one["PartNumber"], one["Size"], one["ETag"]) for one in listed] == [(1, 5, etags[0]), (2, 5, etags[1])]
    for parts, expected in [
        ([(1, etags[0]), (2, etags[1])], "EntityTooSmall"),
        ([(2, etags[1]), (1, etags[0])], "InvalidPartOrder"),
        ([(3, etags[0])], "InvalidPart"),
        ([(1, '"wrong"')], "InvalidPart"),
    ]:
        document = {"Parts": [{"PartNumber": number, "ETag": etag} for number, etag in parts]}
        with pytest.raises(ClientError) as refused:
            s3.complete_multipart_upload(**given, MultipartUpload=document)
        assert code(refused) == expected
    s3.complete_multipart_upload(**given, MultipartUpload={"Parts": [{"PartNumber": 2, "ETag": etags[1]}]})
    assert s3.get_object(Bucket="bucket", Key="k")["Body"].read() == b"small"


def test_unknown_upload(s3: Any) -> None:
    given = {"Bucket": "bucket", "Key": "k", "UploadId": "none"}
    for call in (
        lambda: s3.upload_part(**given, PartNumber=1, Body=b"x"),
        lambda: s3.list_parts(**given),
        lambda: s3.abort_multipart_upload(**given),
        lambda: s3.complete_multipart_upload(**given, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": "e"}]}),
    ):
        with pytest.raises(ClientError) as refused:
            call()
        assert code(refused) == "NoSuchUpload"


def test_aborted_upload_leaves_no_file(served: Served, s3: Any, tmp_path: Any) -> None:
    upload = s3.create_multipart_upload(Bucket="bucket", Key="k")["UploadId"]
    s3.upload_part(Bucket="bucket", Key="k", UploadId=upload, PartNumber=1, Body=b"one")
    s3.upload_part(Bucket="bucket", Key="k", UploadId=upload, PartNumber=1, Body=b"again")
    assert len(files(tmp_path)) == 1
    s3.abort_multipart_upload(Bucket="bucket", Key="k", UploadId=upload)
    assert files(tmp_path) == []


def files(tmp_path: Any) -> list[Any]:
    return list((tmp_path / "state" / "s3" / "objects").glob("*/*"))


def test_overwritten_and_deleted_objects_leave_no_file(s3: Any, tmp_path: Any) -> None:
    for body in (b"one", b"two"):
        s3.put_object(Bucket="bucket", Key="k", Body=body)
    assert [path.read_bytes() for path in files(tmp_path)] == [b"two"]
    s3.delete_object(Bucket="bucket", Key="k")
    assert files(tmp_path) == []


def test_copies(s3: Any) -> None:
    s3.put_object(Bucket="bucket", Key="from", Body=b"0123456789", Metadata={"a": "b"}, Tagging="t=1")
    s3.create_bucket(Bucket="other")
    s3.copy_object(Bucket="other", Key="to", CopySource={"Bucket": "bucket", "Key": "from"})
    s3.delete_object(Bucket="bucket", Key="from")
    got = s3.get_object(Bucket="other", Key="to")
    assert (got["Body"].read(), got["Metadata"]) == (b"0123456789", {"a": "b"})
    assert s3.get_object_tagging(Bucket="other", Key="to")["TagSet"] == [{"Key": "t", "Value": "1"}]
    upload = s3.create_multipart_upload(Bucket="other", Key="part")["UploadId"]
    given = {"Bucket": "other", "Key": "part", "UploadId": upload}
    source = {"Bucket": "other", "Key": "to"}
    copied = s3.upload_part_copy(**given, PartNumber=1, CopySource=source, CopySourceRange="bytes=2-4")
    etag = copied["CopyPartResult"]["ETag"]
    assert etag == f'"{hashlib.md5(b"234").hexdigest()}"'
    s3.complete_multipart_upload(**given, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})
    assert s3.get_object(Bucket="other", Key="part")["Body"].read() == b"234"
    with pytest.raises(ClientError) as refused:
        s3.copy_object(Bucket="other", Key="x", CopySource="other/none")
    assert code(refused) == "NoSuchKey"


def test_big_copy_goes_by_parts(s3: Any) -> None:
    from boto3.s3.transfer import TransferConfig

    s3.upload_fileobj(io.BytesIO(BIG), "bucket", "big")
    s3.copy({"Bucket": "bucket", "Key": "big"}, "bucket", "copy", Config=TransferConfig(multipart_threshold=1024))
    assert s3.get_object(Bucket="bucket", Key="copy")["Body"].read() == BIG


def test_versions(s3: Any) -> None:
    s3.put_object(Bucket="bucket", Key="k", Body=b"before")
    s3.put_bucket_versioning(Bucket="bucket", VersioningConfiguration={"Status": "Enabled"})
    first = s3.put_object(Bucket="bucket", Key="k", Body=b"one")["VersionId"]
    second = s3.put_object(Bucket="bucket", Key="k", Body=b"two")["VersionId"]
    marker = s3.delete_object(Bucket="bucket", Key="k")["VersionId"]
    with pytest.raises(ClientError) as gone:
        s3.get_object(Bucket="bucket", Key="k")
    assert code(gone) == "NoSuchKey"
    assert s3.get_object(Bucket="bucket", Key="k", VersionId=first)["Body"].read() == b"one"
    listed = s3.list_object_versions(Bucket="bucket")
    assert [one["VersionId"] for one in listed["Versions"]] == [second, first, "null"]
    assert [one["VersionId"] for one in listed["DeleteMarkers"]] == [marker]
    s3.delete_object(Bucket="bucket", Key="k", VersionId=marker)
    assert s3.get_object(Bucket="bucket", Key="k")["Body"].read() == b"two"


def test_suspended_versioning_keeps_versions(s3: Any, tmp_path: Any) -> None:
    def versioning(status: str) -> None:
        s3.put_bucket_versioning(Bucket="bucket", VersioningConfiguration={"Status": status})

    versioning("Enabled")
    first = s3.put_object(Bucket="bucket", Key="k", Body=b"one")["VersionId"]
    versioning("Suspended")
    for body in (b"null 1", b"null 2"):
        assert s3.put_object(Bucket="bucket", Key="k", Body=body)["VersionId"] == "null"
    assert s3.get_object(Bucket="bucket", Key="k")["Body"].read() == b"null 2"
    assert s3.get_object(Bucket="bucket", Key="k", VersionId=first)["Body"].read() == b"one"
    assert s3.delete_object(Bucket="bucket", Key="k")["VersionId"] == "null"
    listed = s3.list_object_versions(Bucket="bucket")
    assert [one["VersionId"] for one in listed["Versions"]] == [first]
    assert [one["VersionId"] for one in listed["DeleteMarkers"]] == ["null"]
    s3.delete_object(Bucket="bucket", Key="k", VersionId="null")
    assert s3.get_object(Bucket="bucket", Key="k")["Body"].read() == b"one"
    assert len(files(tmp_path)) == 1


def test_part_that_is_not_there(s3: Any) -> None:
    s3.upload_fileobj(io.BytesIO(BIG), "bucket", "big")
    assert s3.head_object(Bucket="bucket", Key="big", PartNumber=3)["ContentLength"] == len(BIG) - 16 * 1024 * 1024
    for operation in (s3.get_object, s3.head_object):
        with pytest.raises(ClientError) as refused:
            operation(Bucket="bucket", Key="big", PartNumber=4)
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 416


def test_conditional_requests(s3: Any) -> None:
    etag = s3.put_object(Bucket="bucket", Key="k", Body=b"1", IfNoneMatch="*")["ETag"]
    for call in (
        lambda: s3.put_object(Bucket="bucket", Key="k", Body=b"2", IfNoneMatch="*"),
        lambda: s3.put_object(Bucket="bucket", Key="k", Body=b"2", IfMatch='"other"'),
        lambda: s3.get_object(Bucket="bucket", Key="k", IfMatch='"other"'),
    ):
        with pytest.raises(ClientError) as refused:
            call()
        assert code(refused) == "PreconditionFailed"
    with pytest.raises(ClientError) as unchanged:
        s3.get_object(Bucket="bucket", Key="k", IfNoneMatch=etag)
    assert unchanged.value.response["ResponseMetadata"]["HTTPStatusCode"] == 304
    s3.put_object(Bucket="bucket", Key="k", Body=b"2", IfMatch=etag)
    assert s3.get_object(Bucket="bucket", Key="k")["Body"].read() == b"2"


def test_delete_objects(s3: Any) -> None:
    for name in "abc":
        s3.put_object(Bucket="bucket", Key=name, Body=b"x")
    s3.delete_objects(Bucket="bucket", Delete={"Objects": [{"Key": "a"}, {"Key": "b"}, {"Key": "none"}]})
    assert [one["Key"] for one in s3.list_objects_v2(Bucket="bucket")["Contents"]] == ["c"]


def test_listing_by_pages_and_folders(s3: Any) -> None:
    for number in range(25):
        s3.put_object(Bucket="bucket", Key=f"p/{number % 3}/{number:02}", Body=b"")
    folders = s3.list_objects_v2(Bucket="bucket", Prefix="p/", Delimiter="/")
    assert [one["Prefix"] for one in folders["CommonPrefixes"]] == ["p/0/", "p/1/", "p/2/"]
    for operation in ("list_objects_v2", "list_objects"):
        pages = list(s3.get_paginator(operation).paginate(Bucket="bucket", PaginationConfig={"PageSize": 10}))
        assert [len(page["Contents"]) for page in pages] == [10, 10, 5]


def test_presigned_urls(s3: Any) -> None:
    url = s3.generate_presigned_url("put_object", Params={"Bucket": "bucket", "Key": "k"})
    with urllib.request.urlopen(urllib.request.Request(url, b"by url", method="PUT")) as answer:
        assert answer.status == 200
    url = s3.generate_presigned_url("get_object", Params={"Bucket": "bucket", "Key": "k"})
    with urllib.request.urlopen(url) as answer:
        assert answer.read() == b"by url"


def test_bucket_of_another_account_needs_its_owner(served: Served, s3: Any) -> None:
    s3.put_object(Bucket="bucket", Key="k", Body=b"x", ExpectedBucketOwner="123456789012")
    for call in (
        lambda: s3.put_object(Bucket="bucket", Key="k", Body=b"x", ExpectedBucketOwner="999999999999"),
        lambda: s3.get_object(Bucket="bucket", Key="k", ExpectedBucketOwner="999999999999"),
    ):
        with pytest.raises(ClientError) as refused:
            call()
        assert code(refused) == "AccessDenied"
    with pytest.raises(ClientError) as refused:
        s3.head_bucket(Bucket="bucket", ExpectedBucketOwner="999999999999")
    assert code(refused) == "403"


def test_accounts_have_their_own_buckets(served: Served, s3: Any) -> None:
    other = served.client("s3", account="999999999999")
    other.create_bucket(Bucket="others")
    assert [one["Name"] for one in other.list_buckets()["Buckets"]] == ["others"]
    assert [one["Name"] for one in s3.list_buckets()["Buckets"]] == ["bucket"]


def test_damaged_uploads_are_refused_and_invisible(s3: Any, tmp_path: Any) -> None:
    wrong = base64.b64encode(hashlib.md5(b"other").digest()).decode()
    for given in ({"ContentMD5": wrong}, {"ChecksumCRC32": "AAAAAA=="}, {"ChecksumSHA256": "A" * 43 + "="}):
        with pytest.raises(ClientError) as refused:
            s3.put_object(Bucket="bucket", Key="k", Body=b"body", **given)
        assert code(refused) == "BadDigest"
    assert "Contents" not in s3.list_objects_v2(Bucket="bucket")
    assert files(tmp_path) == []
    assert list((tmp_path / "state" / "s3" / "incoming").iterdir()) == []


def test_uploads_with_their_md5_are_taken(s3: Any) -> None:
    """boto3 before release 1.36 sends it with every upload."""
    right = base64.b64encode(hashlib.md5(b"body").digest()).decode()
    s3.put_object(Bucket="bucket", Key="k", Body=b"body", ContentMD5=right)
    assert s3.get_object(Bucket="bucket", Key="k")["Body"].read() == b"body"


def test_unknown_things_have_their_codes(s3: Any) -> None:
    for call, expected in [
        (lambda: s3.get_object(Bucket="bucket", Key="none"), "NoSuchKey"),
        (lambda: s3.head_object(Bucket="bucket", Key="none"), "404"),
        (lambda: s3.get_object(Bucket="no-bucket", Key="k"), "NoSuchBucket"),
        (lambda: s3.put_object(Bucket="no-bucket", Key="k", Body=b"x"), "NoSuchBucket"),
        (lambda: s3.head_bucket(Bucket="no-bucket"), "404"),
        (lambda: s3.get_bucket_policy(Bucket="bucket"), "NoSuchBucketPolicy"),
        (lambda: s3.delete_bucket(Bucket="no-bucket"), "NoSuchBucket"),
        (lambda: s3.get_bucket_metrics_configuration(Bucket="bucket", Id="x"), "NotImplemented"),
        (lambda: s3.delete_bucket_inventory_configuration(Bucket="bucket", Id="x"), "NotImplemented"),
        (lambda: s3.get_object_retention(Bucket="bucket", Key="k"), "NotImplemented"),
    ]:
        with pytest.raises(ClientError) as refused:
            call()
        assert code(refused) == expected


def test_download_survives_overwriting(served: Served, s3: Any) -> None:
    s3.put_object(Bucket="bucket", Key="k", Body=BIG)
    got = s3.get_object(Bucket="bucket", Key="k")
    start = got["Body"].read(1024)
    s3.put_object(Bucket="bucket", Key="k", Body=b"new")
    assert start + got["Body"].read() == BIG


@pytest.mark.parametrize("host", ["bucket.localhost:4599", "bucket.s3.us-east-1.amazonaws.com", "bucket.s3.localhost"])
def test_virtual_host_addressing(served: Served, s3: Any, host: str) -> None:
    connection = http.client.HTTPConnection(served.address.removeprefix("http://"))
    signed = {
        "Host": host,
        "Authorization": "AWS4-HMAC-SHA256 Credential=123456789012/20260101/us-east-1/s3/aws4_request",
    }
    connection.request("PUT", "/folder/key", b"body", signed)
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (200, b"")
    connection.close()
    assert s3.get_object(Bucket="bucket", Key="folder/key")["Body"].read() == b"body"


def test_refused_upload_is_read_to_its_end(served: Served) -> None:
    connection = http.client.HTTPConnection(served.address.removeprefix("http://"))
    for _ in range(2):  # the connection stays usable
        connection.request("PUT", "/no-bucket/key", BIG)
        answer = connection.getresponse()
        assert (answer.status, b"NoSuchBucket" in answer.read()) == (404, True)
    connection.close()


def test_upload_by_browser_form(served: Served, s3: Any) -> None:
    import requests

    form = s3.generate_presigned_post("bucket", "by-form", Fields={"Content-Type": "text/csv"})
    answer = requests.post(form["url"], data=form["fields"], files={"file": b"a,b"}, timeout=10)
    assert answer.status_code == 204, answer.text
    assert s3.get_object(Bucket="bucket", Key="by-form")["Body"].read() == b"a,b"


def test_folder_markers(s3: Any) -> None:
    s3.put_object(Bucket="bucket", Key="folder/", Body=b"")
    s3.put_object(Bucket="bucket", Key="folder/file", Body=b"x")
    found = s3.list_objects_v2(Bucket="bucket", Prefix="folder/", Delimiter="/")
    assert [(one["Key"], one["Size"]) for one in found["Contents"]] == [("folder/", 0), ("folder/file", 1)]


def test_refused_write_changes_nothing(s3: Any, tmp_path: Any) -> None:
    s3.put_object(Bucket="bucket", Key="k", Body=b"old")
    for key in ("k", "new"):
        with pytest.raises(ClientError):
            s3.put_object(Bucket="bucket", Key=key, Body=b"new", Tagging="aws:no=1")
    assert [one["Key"] for one in s3.list_objects_v2(Bucket="bucket")["Contents"]] == ["k"]
    assert s3.get_object(Bucket="bucket", Key="k")["Body"].read() == b"old"
    assert [path.read_bytes() for path in files(tmp_path)] == [b"old"]
