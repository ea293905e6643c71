"""A job's log as CloudWatch Logs has it, by boto3."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

LIMIT = 5_000
MAX_STREAMS = 100
"""CloudWatch's limit of one call."""


def job_log(logs: Any, group: str, job: str) -> Iterator[str]:
    """The lines of all its streams, merged; none when it wrote no log. Without a job those of the whole group.

    Streams are asked for by name: some stand-ins for CloudWatch pass over ``logStreamNamePrefix`` when they filter.
    """
    try:
        of_job = {"logStreamNamePrefix": f"{job}/"} if job else {}
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
