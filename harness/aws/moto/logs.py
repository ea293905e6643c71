"""CloudWatch Logs: groups of ``JobLogs`` are answered from their files, everything else by moto.

Uses the internals of moto's logs back end: job groups are added to it, so that tags and retention work.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from moto.logs.models import logs_backends
from multidict import CIMultiDict

from harness.aws.moto.dispatch import LOCK, MotoCall, failure
from harness.aws.moto.misread import catch_misread
from harness.aws.wire.job_log_groups import JobLogGroups
from harness.aws.wire.job_log_requests import answer_for_jobs
from harness.kernel.http import Response
from harness.stores.log_files import StoredLogs


class CloudWatchLogs:
    def __init__(self, logs: StoredLogs, run: Callable[[MotoCall], Response]) -> None:
        self._logs = logs
        self._run = run

    def answer(self, call: MotoCall) -> Response:
        operation = call.headers.get("x-amz-target", "").rpartition(".")[2]
        try:
            groups = JobLogGroups(self._logs, call.account, call.region)
            self._add_job_groups(call)
            with catch_misread():
                parameters = json.loads(call.body or b"{}")
                answer = answer_for_jobs(operation, parameters, groups, lambda group: self._others(call, group))
        except Exception as error:
            return failure(call, error)
        if answer is None:
            return self._run(call)
        headers = CIMultiDict({"Content-Type": "application/x-amz-json-1.1"})
        return Response(200, headers, json.dumps(answer).encode())

    def _add_job_groups(self, call: MotoCall) -> None:
        """Add the groups of jobs to moto, so that moto's answers include them."""
        with LOCK:
            backend = logs_backends[call.account][call.region]
            for group in self._logs.groups(call.account, call.region):
                backend.ensure_log_group(group)

    def _others(self, call: MotoCall, group: str) -> list[dict[str, Any]]:
        """Return the streams that users created in a group of jobs."""
        with LOCK:
            streams = logs_backends[call.account][call.region].groups[group].streams
            return [stream.to_describe_dict() for stream in streams.values()]
