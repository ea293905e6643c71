"""The log of a job, read from CloudWatch Logs by boto3."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

LIMIT = 5_000
MAX_STREAMS = 100
"""CloudWatch's limit of one call."""


def job_log(logs: Any, group: str, prefix: str) -> Iterator[str]:
    """Yield the lines of all streams of a group whose names begin with ``prefix``; none when there is no log.

    The streams are listed first: some stand-ins for CloudWatch pass over ``logStreamNamePrefix`` when they filter.
    """
    try:
        of_job = {"logStreamNamePrefix": prefix} if prefix else {}
        streams = logs.describe_log_streams(logGroupName=group, **of_job)["logStreams"]
        names = [stream["logStreamName"] for stream in streams][:MAX_STREAMS]
        if not names:
            return
        pages = logs.get_paginator("filter_log_events").paginate(
            logGroupName=group, logStreamNames=names, PaginationConfig={"MaxItems": LIMIT}
        )
        for page in pages:
            yield from (event["message"] for event in page["events"])
    except logs.exceptions.ResourceNotFoundException:
        return
