"""Many clients on the same few keys: every answer is a whole object, and a restart finds what was there last."""

from __future__ import annotations

import hashlib
import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from botocore.exceptions import ClientError

from tests.stores.aws_backends.moto.serving import serve

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
