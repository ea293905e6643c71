"""CloudWatch Logs in two halves: groups of ``JobLogs`` are read from their files, everything else is moto's.

Of moto's internals it touches the logs back end: job groups are made known to it, so that tags and retention work.
"""

from __future__ import annotations

import json
from typing import Any

from moto.logs.models import logs_backends
from multidict import CIMultiDict

from harness.kernel.http import Response
from harness.stores.aws_backends.moto.dispatch import LOCK, Call, answer, failure
from harness.stores.aws_backends.moto.faults import Refusal
from harness.stores.aws_backends.moto.job_log_groups import JobLogGroups, group_of
from harness.stores.aws_backends.moto.log_filter import message_filter
from harness.stores.log_files import StoredLogs

NOT_FOR_JOBS = frozenset({"StartQuery", "CreateExportTask", "PutSubscriptionFilter", "PutMetricFilter"})


class CloudWatchLogs:
    def __init__(self, logs: StoredLogs) -> None:
        self._logs = logs

    def answer(self, call: Call) -> Response:
        operation = call.headers.get("x-amz-target", "").rpartition(".")[2]
        try:
            asked = json.loads(call.body or b"{}")
            groups = JobLogGroups(self._logs, call.account, call.region)
            self._introduce(call)
            found = self._answered(operation, asked, groups, call)
        except Exception as error:
            return failure(call, error)
        if found is None:
            return answer(call)
        headers = CIMultiDict({"Content-Type": "application/x-amz-json-1.1"})
        return Response(200, headers, json.dumps(found).encode())

    def _introduce(self, call: Call) -> None:
        """Let moto know the groups that jobs made; its own answers then name them too."""
        with LOCK:
            backend = logs_backends[call.account][call.region]
            for group in self._logs.groups(call.account, call.region):
                backend.ensure_log_group(group)

    def _answered(
        self, operation: str, asked: dict[str, Any], groups: JobLogGroups, call: Call
    ) -> dict[str, Any] | None:
        """None where moto answers."""
        group = group_of(asked)
        if not group or not groups.has(group):
            return None
        if operation in NOT_FOR_JOBS:
            raise Refusal(
                501, "UnsupportedOperationException", f"{operation} is not served for the job logs in {group}"
            )
        if operation == "DescribeLogStreams":
            return groups.describe_log_streams(asked, self._others(call, group))
        if operation == "FilterLogEvents":
            return groups.filter_log_events(asked, message_filter(asked.get("filterPattern")))
        if operation == "DeleteLogGroup":
            groups.delete_log_group(group)
            return None  # moto forgets its side
        return self._of_stream(operation, asked, groups, group)

    def _of_stream(
        self, operation: str, asked: dict[str, Any], groups: JobLogGroups, group: str
    ) -> dict[str, Any] | None:
        stream = str(asked.get("logStreamName", ""))
        if not groups.has_stream(group, stream):
            return None
        if operation == "GetLogEvents":
            return groups.get_log_events(asked)
        if operation == "DeleteLogStream":
            groups.delete_log_stream(group, stream)
            return {}
        if operation == "CreateLogStream":
            raise Refusal(400, "ResourceAlreadyExistsException", "The specified log stream already exists")
        if operation == "PutLogEvents":
            raise Refusal(400, "InvalidParameterException", "This log stream is written by a job of SageMaker")
        return None

    def _others(self, call: Call, group: str) -> list[dict[str, Any]]:
        """Streams that users made themselves in a group of jobs."""
        with LOCK:
            streams = logs_backends[call.account][call.region].groups[group].streams
            return [stream.to_describe_dict() for stream in streams.values()]
