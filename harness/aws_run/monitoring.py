"""Lets time pass on AWS: each monitoring schedule's analyzer runs at once, or AWS's own schedule is waited for.

AWS runs a schedule at the full hour, up to 20 minutes late. Run at once, it is a processing job of the schedule's own
definition over what was captured since the last one, and it is added to the scenario's lists of executions.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import Any
from urllib.parse import urlsplit

from harness.contract.monitoring import Definition, Execution, definition_of, processing_request, with_baseline
from harness.contract.monitoring_executions import (
    NoData,
    Summary,
    begin_execution,
    execution_name,
    list_executions,
    verdict,
)
from harness.kernel.s3uri import S3Uri

LOOK_SECONDS, LATE_SECONDS = 5.0, 45 * 60.0
_OVER = ("Completed", "CompletedWithViolations", "Failed", "Stopped")
_UNFINISHED = ("InProgress", "Stopping")
Client = Callable[[str], Any]


class CannotRunAtOnce(Exception):
    """A schedule of a kind that only AWS itself runs, or one that has no data."""


class MonitoringOnAws:
    """The schedules of one run. ``at_once``: whether the analyzer runs at once."""

    def __init__(self, client: Client, at_once: bool) -> None:
        self._client = client
        self._at_once = at_once
        self._schedules: dict[str, None] = {}
        self._runs: dict[str, list[Summary]] = {}
        self._analyzed: dict[str, set[str]] = {}
        self._since: dict[str, float] = {}

    def add_schedule(self, name: str) -> None:
        """Note a schedule that the scenario created."""
        self._schedules[name] = None

    def pass_time(self, seconds: float) -> None:
        """Let time pass; return when all executions that became due are over."""
        began = time.time()
        due = [name for name in self._schedules if self._config(name) is not None]
        if not self._at_once:
            before = {name: len(self._over(name)) for name in due}
            time.sleep(seconds)
            for name in due:
                self._wait(name, before[name], began + seconds + LATE_SECONDS)
        elif not due:
            time.sleep(seconds)
        for name in due if self._at_once else ():
            self._runs.setdefault(name, []).append(self._run(name, began, seconds))

    def complete_answer(self, operation: str, params: Mapping[str, Any], answer: dict[str, Any]) -> None:
        """Add to AWS's answer the processing jobs that were executions of a schedule."""
        runs = self._runs.get(str(params.get("MonitoringScheduleName")), [])
        if runs and operation == "ListMonitoringExecutions":
            answer["MonitoringExecutionSummaries"] = list_executions(runs, params)
            answer.pop("NextToken", None)
        elif runs and operation == "DescribeMonitoringSchedule":
            answer["LastMonitoringExecutionSummary"] = runs[-1]

    def _config(self, name: str) -> Mapping[str, Any] | None:
        """Return the configuration of a schedule that recurs and is not stopped."""
        client = self._client("sagemaker")
        try:
            schedule = client.describe_monitoring_schedule(MonitoringScheduleName=name)
        except client.exceptions.ResourceNotFound:
            return None
        config: Mapping[str, Any] = schedule["MonitoringScheduleConfig"]
        once = config.get("ScheduleConfig", {}).get("ScheduleExpression") == "NOW"
        return None if once or schedule["MonitoringScheduleStatus"] not in ("Scheduled", "Pending") else config

    def _over(self, name: str) -> list[Summary]:
        pages = self._client("sagemaker").get_paginator("list_monitoring_executions")
        executions = [
            execution
            for page in pages.paginate(MonitoringScheduleName=name)
            for execution in page["MonitoringExecutionSummaries"]
        ]
        return [execution for execution in executions if execution["MonitoringExecutionStatus"] in _OVER]

    def _wait(self, name: str, before: int, until: float) -> None:
        while len(self._over(name)) <= before:
            if time.time() > until:
                raise TimeoutError(f"monitoring schedule {name} did not run within the hour and {LATE_SECONDS:.0f} s")
            time.sleep(LOOK_SECONDS)

    def _run(self, name: str, began: float, seconds: float) -> Summary:
        config = self._config(name) or {}
        definition = self._definition(name, config)
        moment = _moment(began)
        summary = begin_execution(name, config, definition.endpoint, moment, moment, "InProgress")
        start = self._since.get(name, began - seconds)
        self._since[name] = began
        destination, keys = self._find_captured(name, definition.endpoint, start)
        if not keys:
            return summary | _with_end_state({"MonitoringExecutionStatus": "Failed", "FailureReason": str(NoData())})
        job = execution_name(began)
        execution = Execution(name, job, began, start, began + 1, destination, [])
        created = self._client("sagemaker").create_processing_job(**self._request(definition, execution, keys))
        return summary | {"ProcessingJobArn": created["ProcessingJobArn"]} | self._result(job)

    def _definition(self, name: str, config: Mapping[str, Any]) -> Definition:
        kind = config.get("MonitoringType", "DataQuality")
        if kind != "DataQuality":
            raise CannotRunAtOnce(
                f"monitoring schedule {name} is of type {kind}, which only AWS itself runs: set monitoring = "
                '"schedule" in the profile, which waits for it'
            )
        client = self._client("sagemaker")
        definition = definition_of(
            config, lambda wanted: client.describe_data_quality_job_definition(JobDefinitionName=wanted)
        )
        return with_baseline(definition, lambda job: client.describe_processing_job(ProcessingJobName=job))

    def _find_captured(self, name: str, endpoint: str, start: float) -> tuple[S3Uri, list[str]]:
        """Find the destination of the endpoint's capture, and the objects there that were not analyzed yet."""
        client = self._client("sagemaker")
        config = client.describe_endpoint(EndpointName=endpoint)["EndpointConfigName"]
        capture = client.describe_endpoint_config(EndpointConfigName=config).get("DataCaptureConfig")
        if not capture:
            raise CannotRunAtOnce(f"endpoint {endpoint} captures nothing, so there is nothing for {name} to look at")
        destination = S3Uri.parse(capture["DestinationS3Uri"])
        analyzed = self._analyzed.setdefault(name, set())
        folder = destination.join(endpoint)
        pages = self._client("s3").get_paginator("list_objects_v2")
        captured = [
            each["Key"]
            for page in pages.paginate(Bucket=folder.bucket, Prefix=f"{folder.key.strip('/')}/")
            for each in page.get("Contents", ())
            if analyzed or each["LastModified"].timestamp() >= start - 60  # its clock and ours
        ]
        keys = [key for key in captured if key not in analyzed]
        analyzed.update(keys)
        return destination, keys

    def _request(self, definition: Definition, execution: Execution, keys: list[str]) -> dict[str, Any]:
        """Make the schedule's own request, with a list of files in place of hour folders, and a separate report."""
        request = processing_request(definition, execution)
        output = request["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]
        output["S3Uri"] = f"{output['S3Uri']}/{execution.job_name}"
        manifest = urlsplit(f"{output['S3Uri']}-files.json")
        capture = execution.capture
        prefix = capture.key.strip("/")
        relative = [key[len(prefix) :].lstrip("/") for key in keys]
        body = json.dumps([{"prefix": f"s3://{capture.bucket}/{prefix}".rstrip("/") + "/"}, *relative])
        self._client("s3").put_object(Bucket=manifest.netloc, Key=manifest.path.lstrip("/"), Body=body.encode())
        source = {
            "S3Uri": manifest.geturl(),
            "LocalPath": definition.input_path,
            "S3DataType": "ManifestFile",
            "S3InputMode": "File",
            "S3DataDistributionType": "FullyReplicated",
        }
        request["ProcessingInputs"].insert(0, {"InputName": "captured", "S3Input": source})
        return request

    def _result(self, job: str) -> Summary:
        """Wait for the job; its own time limit, and the guard of the run, end the wait."""
        client = self._client("sagemaker")
        while (answer := client.describe_processing_job(ProcessingJobName=job))["ProcessingJobStatus"] in _UNFINISHED:
            time.sleep(LOOK_SECONDS)
        return _with_end_state(verdict(answer))


def _with_end_state(ended: Summary) -> Summary:
    return {**ended, "LastModifiedTime": _moment(time.time())}


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, tz=timezone.utc)
