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
        session.events.register("before-parameter-build.sagemaker", self._note)

    def note(self, operation: str, name: str) -> None:
        """Note a resource that was created by other means than this boto3 session."""
        self._names[operation, name] = None

    def _note(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        if model.name in _CREATED and (name := params.get(_CREATED[model.name].name_member)):
            self._names[model.name, name] = None
        if created := creation(model, params):
            self._record(created, uses(params))

    def collect(self, client: Callable[[str], Any]) -> Iterator[EvidenceEvent]:
        """Describe every resource that still exists."""
        for operation, name in list(self._names):
            yield from _describe(client, operation, name)


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
