"""A job's log as CloudWatch Logs has it, by boto3."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

LIMIT = 5_000
MAX_STREAMS = 100
"""CloudWatch's limit of one call."""


def job_log(logs: Any, group: str, prefix: str) -> Iterator[str]:
    """The lines of all streams of a group whose names begin with ``prefix``, merged; none when there is no log.

    Streams are asked for by name: some stand-ins for CloudWatch pass over ``logStreamNamePrefix`` when they filter.
    """
    try:
        of_job = {"logStreamNamePrefix": prefix} if prefix else {}
        found = logs.describe_log_streams(logGroupName=group, **of_job)["logStreams"]
        names = [stream["logStreamName"] for stream in found][:MAX_STREAMS]
        if not names:
            return
        pages = logs.get_paginator("filter_log_events").paginate(
            logGroupName=group, logStreamNames=names, PaginationConfig={"MaxItems": LIMIT}
        )
        for page in pages:
            yield from (event["message"] for event in page["events"])
    except logs.exceptions.ResourceNotFoundException:
        return
