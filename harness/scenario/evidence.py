"""The resources that a run created, and their descriptions at its end. Uses boto3 only."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from harness.aws_run.resource_requests import Creation, creation, uses
from harness.kernel.kinds import KINDS
from harness.scenario.events import EvidenceEvent
from harness.scenario.job_logs import job_log

LOG_TAIL = 60

_CREATED = {kind.operation("Create"): kind for kind in KINDS.values() if kind.lifecycle}
"""The operations whose resources are described at the end of a run, and the kinds that they create."""


class ResourceWatcher:
    """Notes everything created through a boto3 session, and describes it at the end."""

    def __init__(self, session: Any, record: Callable[[Creation, str], None]) -> None:
        self._names: dict[tuple[str, str], None] = {}
        self._record = record
        self._executions: list[str] = []
        session.events.register("before-parameter-build.sagemaker", self._note)
        session.events.register("after-call.sagemaker.StartPipelineExecution", self._note_execution)

    def note(self, operation: str, name: str) -> None:
        """Note a resource that was created by other means than this boto3 session."""
        self._names[operation, name] = None

    def _note(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        if model.name in _CREATED and (name := params.get(_CREATED[model.name].name_member)):
            self._names[model.name, name] = None
        if created := creation(model, params):
            self._record(created, uses(params))

    def _note_execution(self, parsed: dict[str, Any], **_: Any) -> None:
        if "PipelineExecutionArn" in parsed:
            self._executions.append(parsed["PipelineExecutionArn"])

    def collect(self, client: Callable[[str], Any]) -> Iterator[EvidenceEvent]:
        """Describe every resource that still exists."""
        for operation, name in list(self._names):
            yield from _describe(client, operation, name)
        for arn in self._executions:
            yield from _describe_execution(client, arn)


def _describe(client: Callable[[str], Any], operation: str, name: str) -> Iterator[EvidenceEvent]:
    from botocore.exceptions import ClientError

    kind = _CREATED[operation]
    try:
        description = getattr(client("sagemaker"), kind.method("Describe"))(**{kind.name_member: name})
    except ClientError:
        return  # it was never created, or is deleted by now: nothing to show
    description.pop("ResponseMetadata", None)
    content: dict[str, Any] = {"description": description}
    status = description.get(kind.status_member, "")
    if kind.is_job and (kind.noun == "TrainingJob" or status == "Failed"):
        lines = list(job_log(client("logs"), kind.log_group, kind.stream_prefix(name)))
        content["log_tail"] = lines[-LOG_TAIL:]
        content["curves"] = metric_curves(description, lines)
    yield EvidenceEvent(kind=kind.noun, title=name, content=content)
    if kind.noun == "MonitoringSchedule":
        yield _list_executions(client, name)


def _describe_execution(client: Callable[[str], Any], arn: str) -> Iterator[EvidenceEvent]:
    """Describe the jobs that the steps of a pipeline execution created, and list the steps in a table."""
    from botocore.exceptions import ClientError

    steps: list[dict[str, Any]] = []
    request = {"PipelineExecutionArn": arn, "SortOrder": "Ascending", "MaxResults": 100}
    try:
        while "NextToken" in (answer := client("sagemaker").list_pipeline_execution_steps(**request)):
            steps += answer["PipelineExecutionSteps"]
            request["NextToken"] = answer["NextToken"]
    except ClientError:
        return  # its pipeline is deleted by now, and it with it
    steps += answer["PipelineExecutionSteps"]
    for step in steps:
        reused = "CacheHitResult" in step or "SelectiveExecutionResult" in step
        for noun, metadata in step.get("Metadata", {}).items():
            if not reused and noun in KINDS and "Arn" in metadata and f"Create{noun}" in _CREATED:
                yield from _describe(client, f"Create{noun}", metadata["Arn"].rpartition("/")[2])
    title = f"Steps of the pipeline execution {arn.rpartition('/')[2]} of {arn.split('/')[1]}"
    content = {
        "columns": ["step", "status", "seconds", "result"],
        "rows": [[step["StepName"], step["StepStatus"], _seconds(step), _result(step)] for step in steps],
        "compared": False,
    }
    yield EvidenceEvent(kind="table", title=title, content=content)


def _seconds(step: dict[str, Any]) -> float | None:
    return round((step["EndTime"] - step["StartTime"]).total_seconds(), 2) if "EndTime" in step else None


def _result(step: dict[str, Any]) -> str:
    """Return what a step made or found: the reason of a failure, the source of a reused result, a name, an outcome."""
    if "FailureReason" in step:
        return str(step["FailureReason"])
    for member, words in (("CacheHitResult", "cached from"), ("SelectiveExecutionResult", "taken from")):
        if member in step:
            return f"{words} {step[member]['SourcePipelineExecutionArn'].rpartition('/')[2]}"
    values = [str(value) for metadata in step.get("Metadata", {}).values() for value in metadata.values()]
    return ", ".join(value.rpartition("/")[2] for value in values)


def _list_executions(client: Callable[[str], Any], schedule: str) -> EvidenceEvent:
    """List the executions of a schedule with their results."""
    answer = client("sagemaker").list_monitoring_executions(MonitoringScheduleName=schedule, SortOrder="Ascending")
    executions = answer["MonitoringExecutionSummaries"]
    return EvidenceEvent(kind="MonitoringExecutions", title=schedule, content={"executions": executions})


def metric_curves(description: dict[str, Any], lines: list[str]) -> dict[str, list[float]]:
    """Find each metric's values in a log, in order, by the job's own regular expressions."""
    curves: dict[str, list[float]] = {}
    definitions = description.get("AlgorithmSpecification", {}).get("MetricDefinitions", [])
    for definition in definitions:
        pattern = re.compile(definition["Regex"])
        values = [float(match[1]) for line in lines if (match := pattern.search(line)) and pattern.groups]
        if len(values) > 1:
            curves[definition["Name"]] = values
    return curves
