"""What a run created, and what the API says of it afterwards. Asks by boto3 only; judges nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

Evidence = dict[str, Any]
LOG_TAIL = 60
LOG_LIMIT = 5_000

# create operation -> (describe operation, member with the name, kind of evidence, log group)
_CREATED = {
    "CreateProcessingJob": (
        "describe_processing_job",
        "ProcessingJobName",
        "ProcessingJob",
        "/aws/sagemaker/ProcessingJobs",
    ),
    "CreateTrainingJob": ("describe_training_job", "TrainingJobName", "TrainingJob", "/aws/sagemaker/TrainingJobs"),
    "CreateTransformJob": (
        "describe_transform_job",
        "TransformJobName",
        "TransformJob",
        "/aws/sagemaker/TransformJobs",
    ),
    "CreateEndpoint": ("describe_endpoint", "EndpointName", "Endpoint", None),
    "CreateMonitoringSchedule": ("describe_monitoring_schedule", "MonitoringScheduleName", "MonitoringSchedule", None),
}


class Watcher:
    """Notes the name of everything created through a boto3 session; asks for the rest once, at the end."""

    def __init__(self, session: Any) -> None:
        self._names: dict[tuple[str, str], None] = {}
        for operation in _CREATED:
            session.events.register(f"before-parameter-build.sagemaker.{operation}", self._note)

    def _note(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        name = params.get(_CREATED[model.name][1])
        if name:
            self._names[model.name, name] = None

    def collect(self, client: Callable[[str], Any]) -> Iterator[Evidence]:
        for operation, name in list(self._names):
            yield from _described(client, operation, name)


def _described(client: Callable[[str], Any], operation: str, name: str) -> Iterator[Evidence]:
    from botocore.exceptions import ClientError

    describe, member, kind, group = _CREATED[operation]
    try:
        description = getattr(client("sagemaker"), describe)(**{member: name})
    except ClientError:
        return  # it was never created, or is deleted by now: nothing to show
    description.pop("ResponseMetadata", None)
    content: Evidence = {"description": description}
    status = description.get(f"{kind}Status", "")
    if group and (kind == "TrainingJob" or status == "Failed"):
        lines = list(_log_lines(client("logs"), group, name))
        content["log_tail"] = lines[-LOG_TAIL:]
        content["curves"] = metric_curves(description, lines)
    yield {"kind": kind, "title": name, "step": None, "content": content}
    if kind == "MonitoringSchedule":
        yield from _executions(client, name)


def _executions(client: Callable[[str], Any], schedule: str) -> Iterator[Evidence]:
    """The runs of a schedule: what each looked at, and what it found."""
    found = client("sagemaker").list_monitoring_executions(MonitoringScheduleName=schedule, SortOrder="Ascending")
    yield {
        "kind": "MonitoringExecutions",
        "title": schedule,
        "step": None,
        "content": {"executions": found["MonitoringExecutionSummaries"]},
    }


def _log_lines(logs: Any, group: str, name: str) -> Iterator[str]:
    from botocore.exceptions import ClientError

    try:
        pages = logs.get_paginator("filter_log_events").paginate(
            logGroupName=group, logStreamNamePrefix=f"{name}/", PaginationConfig={"MaxItems": LOG_LIMIT}
        )
        for page in pages:
            yield from (event["message"] for event in page["events"])
    except ClientError:
        return  # it wrote no log


def metric_curves(description: Evidence, lines: list[str]) -> dict[str, list[float]]:
    """Each metric's values in the order they were logged, by the job's own regular expressions."""
    curves: dict[str, list[float]] = {}
    definitions = description.get("AlgorithmSpecification", {}).get("MetricDefinitions", [])
    for definition in definitions:
        pattern = re.compile(definition["Regex"])
        values = [float(found[1]) for line in lines if (found := pattern.search(line)) and pattern.groups]
        if len(values) > 1:
            curves[definition["Name"]] = values
    return curves
