"""Answers CloudWatch Logs requests about job logs, for all backends."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from harness.aws.wire.error_responses import Refusal
from harness.aws.wire.job_log_groups import JobLogGroups, group_of
from harness.aws.wire.log_filter import message_filter

NOT_FOR_JOBS = frozenset({"StartQuery", "CreateExportTask", "PutSubscriptionFilter", "PutMetricFilter"})

Others = Callable[[str], list[dict[str, Any]]]
"""Returns the descriptions of the streams that users created in a group of jobs."""


def answer_for_jobs(
    operation: str, parameters: Mapping[str, Any], groups: JobLogGroups, others: Others
) -> dict[str, Any] | None:
    """Answer a request about job logs. Return None if the backend must answer, possibly after a deletion here."""
    group = group_of(parameters)
    if not group or not groups.has(group):
        return None
    if operation in NOT_FOR_JOBS:
        raise Refusal(501, "UnsupportedOperationException", f"{operation} is not served for the job logs in {group}")
    if operation == "DescribeLogStreams":
        return groups.describe_log_streams(parameters, others(group))
    if operation == "FilterLogEvents":
        named = parameters.get("logStreamNames", ())
        if named and not any(groups.has_stream(group, stream) for stream in named):
            return None  # streams that users created
        return groups.filter_log_events(parameters, message_filter(parameters.get("filterPattern")))
    if operation == "DeleteLogGroup":
        groups.delete_log_group(group)
        return None  # the backend deletes its part, too
    return _of_stream(operation, parameters, groups, group)


def _of_stream(
    operation: str, parameters: Mapping[str, Any], groups: JobLogGroups, group: str
) -> dict[str, Any] | None:
    stream = str(parameters.get("logStreamName", ""))
    if not groups.has_stream(group, stream):
        return None
    if operation == "GetLogEvents":
        return groups.get_log_events(parameters)
    if operation == "DeleteLogStream":
        groups.delete_log_stream(group, stream)
        return {}
    if operation == "CreateLogStream":
        raise Refusal(400, "ResourceAlreadyExistsException", "The specified log stream already exists")
    if operation == "PutLogEvents":
        raise Refusal(400, "InvalidParameterException", "This log stream is written by a job of SageMaker")
    return None
