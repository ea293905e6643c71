"""Many clients on the same few keys: every answer is a whole object, and a restart finds what was there last."""

from __future__ import annotations

import hashlib
import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from botocore.exceptions import ClientError

from tests.aws.moto.serving import serve

KEYS = [f"k{number}" for number in range(4)]


def body(number: int) -> bytes:
    return f"{number} ".encode() * (1000 + number * 37 % 200_000)


def test_clients_side_by_side(tmp_path: Path) -> None:
    with serve(tmp_path) as served:
        served.client("s3").create_bucket(Bucket="bucket")

        def work(seed: int) -> None:
            s3, dice = served.client("s3"), random.Random(seed)
            for step in range(40):
                key, other = dice.choice(KEYS), dice.choice(KEYS)
                try:
                    match dice.randrange(5):
                        case 0 | 1:
                            s3.put_object(Bucket="bucket", Key=key, Body=body(seed * 100 + step))
                        case 2:
                            got = s3.get_object(Bucket="bucket", Key=key)
                            assert got["ETag"] == f'"{hashlib.md5(got["Body"].read()).hexdigest()}"'
                        case 3 if key != other:
                            s3.copy_object(Bucket="bucket", Key=key, CopySource=f"bucket/{other}")
                        case _:
                            s3.delete_object(Bucket="bucket", Key=key)
                except ClientError as error:
                    assert error.response["Error"]["Code"] == "NoSuchKey", error  # noqa: PT017

        with ThreadPoolExecutor(6) as pool:
            list(pool.map(work, range(6)))
        before = {key: served.client("s3").list_objects_v2(Bucket="bucket", Prefix=key) for key in KEYS}
        etags = {one["Key"]: one["ETag"] for page in before.values() for one in page.get("Contents", [])}
    with serve(tmp_path) as served:
        listed = served.client("s3").list_objects_v2(Bucket="bucket").get("Contents", [])
        assert {one["Key"]: one["ETag"] for one in listed} == etags
        for one in listed:
            content = served.client("s3").get_object(Bucket="bucket", Key=one["Key"])["Body"].read()
            assert f'"{hashlib.md5(content).hexdigest()}"' == one["ETag"]
        assert len(list((tmp_path / "s3" / "objects").glob("*/*"))) == len(listed)


def test_parts_copied_side_by_side_are_each_their_own(tmp_path: Path) -> None:
    numbers = range(1, 25)
    with serve(tmp_path) as served:
        s3 = served.client("s3")
        s3.create_bucket(Bucket="bucket")
        s3.put_object(Bucket="bucket", Key="from", Body=b"".join(b"%04d" % number * 50_000 for number in numbers))
        given = {"Bucket": "bucket", "Key": "to", "UploadId": ""}
        given["UploadId"] = s3.create_multipart_upload(Bucket="bucket", Key="to")["UploadId"]

        def copy(number: int) -> str:
            stretch = f"bytes={(number - 1) * 200_000}-{number * 200_000 - 1}"
            made = s3.upload_part_copy(**given, PartNumber=number, CopySource="bucket/from", CopySourceRange=stretch)
            etag: str = made["CopyPartResult"]["ETag"]
            return etag

        with ThreadPoolExecutor(8) as pool:
            etags = list(pool.map(copy, numbers))
        assert etags == [f'"{hashlib.md5(b"%04d" % number * 50_000).hexdigest()}"' for number in numbers]
