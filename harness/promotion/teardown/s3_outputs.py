"""What a run stored in S3: the objects it wrote and the places its jobs write to, counted and deleted."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from harness.aws_run.ledger import LedgerEntry
from harness.promotion.account import Account

_AT_ONCE = 1000


def own(entry: LedgerEntry) -> bool:
    """Whether the run alone put it there: it was not there before, and its place was empty."""
    return entry.kind == "Bucket" or bool(entry.detail.get("own"))


def count(account: Account, entry: LedgerEntry) -> int:
    """How many objects (with all their versions) of an entry are there."""
    return sum(1 for _ in _versions(account.client("s3"), entry))


def delete(account: Account, entry: LedgerEntry) -> int:
    """Deletes them, and what was begun and never finished; how many there were."""
    s3, bucket = account.client("s3"), entry.identity["Bucket"]
    versions, deleted = _versions(s3, entry), 0
    while some := list(islice(versions, _AT_ONCE)):
        answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": some, "Quiet": True})
        if errors := answer.get("Errors"):
            raise NotDeleted(f"{errors[0]['Key']}: {errors[0]['Code']} {errors[0].get('Message', '')}".strip())
        deleted += len(some)
    for key, upload in _unfinished(s3, entry):
        s3.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload)
    return deleted


class NotDeleted(Exception):
    """S3 kept an object."""


def _place(entry: LedgerEntry) -> tuple[str, str]:
    return entry.identity["Bucket"], entry.identity.get("Prefix") or entry.identity["Key"]


def _versions(s3: Any, entry: LedgerEntry) -> Iterator[dict[str, str]]:
    """Old versions and delete markers cost as well; who may not list versions sees the objects at least."""
    from botocore.exceptions import ClientError

    bucket, prefix = _place(entry)
    exact = "Key" in entry.identity
    try:
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix):
            for found in (*page.get("Versions", ()), *page.get("DeleteMarkers", ())):
                if not exact or found["Key"] == prefix:
                    yield {"Key": found["Key"], "VersionId": found["VersionId"]}
        return
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchBucket":
            return
        if error.response["Error"]["Code"] not in ("AccessDenied", "NotImplemented"):
            raise
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        yield from ({"Key": found["Key"]} for found in page.get("Contents", ()) if not exact or found["Key"] == prefix)


def _unfinished(s3: Any, entry: LedgerEntry) -> Iterator[tuple[str, str]]:
    from botocore.exceptions import ClientError

    bucket, prefix = _place(entry)
    try:
        pages = s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, Prefix=prefix)
        uploads = [found for page in pages for found in page.get("Uploads", ())]
    except ClientError as error:
        if error.response["Error"]["Code"] in ("NoSuchBucket", "AccessDenied", "NotImplemented"):
            return
        raise
    for found in uploads:
        if "Prefix" in entry.identity or found["Key"] == prefix:
            yield found["Key"], found["UploadId"]
