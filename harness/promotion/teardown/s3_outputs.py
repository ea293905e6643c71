"""Counting and deleting what a run stored in S3: the objects it wrote and the prefixes its jobs write to."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from harness.aws_run.ledger import LedgerEntry
from harness.promotion.account import Account

_AT_ONCE = 1000


def is_own(entry: LedgerEntry) -> bool:
    """Return whether everything there is the run's: the bucket is new, or the key or prefix was empty before."""
    return entry.kind == "Bucket" or bool(entry.detail.get("own"))


def count(account: Account, entry: LedgerEntry) -> int:
    """Count the objects of an entry, with all their versions."""
    return sum(1 for _ in _versions(account.client("s3"), entry))


def delete(account: Account, entry: LedgerEntry) -> int:
    """Delete the objects and unfinished multipart uploads of an entry; return the number of objects."""
    s3, bucket = account.client("s3"), entry.identity["Bucket"]
    versions, deleted = _versions(s3, entry), 0
    while some := list(islice(versions, _AT_ONCE)):
        answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": some, "Quiet": True})
        if errors := answer.get("Errors"):
            raise NotDeleted(f"{errors[0]['Key']}: {errors[0]['Code']} {errors[0].get('Message', '')}".strip())
        deleted += len(some)
    for key, upload in _unfinished_uploads(s3, entry):
        s3.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload)
    return deleted


class NotDeleted(Exception):
    """S3 did not delete an object."""


def _bucket_and_prefix(entry: LedgerEntry) -> tuple[str, str]:
    return entry.identity["Bucket"], entry.identity.get("Prefix") or entry.identity["Key"]


def _versions(s3: Any, entry: LedgerEntry) -> Iterator[dict[str, str]]:
    """Yield all versions and delete markers, which are billed too; only the objects if versions may not be listed."""
    from botocore.exceptions import ClientError

    bucket, prefix = _bucket_and_prefix(entry)
    exact = "Key" in entry.identity
    try:
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix):
            for item in (*page.get("Versions", ()), *page.get("DeleteMarkers", ())):
                if not exact or item["Key"] == prefix:
                    yield {"Key": item["Key"], "VersionId": item["VersionId"]}
        return
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchBucket":
            return
        if error.response["Error"]["Code"] not in ("AccessDenied", "NotImplemented"):
            raise
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        yield from ({"Key": item["Key"]} for item in page.get("Contents", ()) if not exact or item["Key"] == prefix)


def _unfinished_uploads(s3: Any, entry: LedgerEntry) -> Iterator[tuple[str, str]]:
    from botocore.exceptions import ClientError

    bucket, prefix = _bucket_and_prefix(entry)
    try:
        pages = s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, Prefix=prefix)
        uploads = [upload for page in pages for upload in page.get("Uploads", ())]
    except ClientError as error:
        if error.response["Error"]["Code"] in ("NoSuchBucket", "AccessDenied", "NotImplemented"):
            return
        raise
    for upload in uploads:
        if "Prefix" in entry.identity or upload["Key"] == prefix:
            yield upload["Key"], upload["UploadId"]
