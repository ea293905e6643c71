"""Resets a LocalStack that somebody else started: deletes the buckets and job logs that this emulator created."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import Any

from harness.aws.remote.clients import Clients


def delete_created(
    clients: Clients, home: tuple[str, str], buckets: Iterable[str], groups: Iterable[tuple[str, str, str]]
) -> None:
    """Delete buckets and log groups. ``groups`` are names with account and region."""
    s3 = clients.get("s3", *home)
    for bucket in buckets:
        with contextlib.suppress(s3.exceptions.NoSuchBucket):
            _empty(s3, bucket)
            s3.delete_bucket(Bucket=bucket)
    for group, account, region in groups:
        logs = clients.get("logs", account, region)
        with contextlib.suppress(logs.exceptions.ResourceNotFoundException):
            logs.delete_log_group(logGroupName=group)


def _empty(s3: Any, bucket: str) -> None:
    for page in s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket):
        for upload in page.get("Uploads", ()):
            s3.abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        versions = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
        if versions:
            names = [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in versions]
            s3.delete_objects(Bucket=bucket, Delete={"Objects": names, "Quiet": True})
