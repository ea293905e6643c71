"""What a run created, and what the API says of it afterwards. Asks by boto3 only; judges nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from harness.aws_run.resource_requests import Creation, creation, uses
from harness.kernel.kinds import KINDS
from harness.scenario.job_logs import job_log

Evidence = dict[str, Any]
LOG_TAIL = 60

_CREATED = {kind.operation("Create"): kind for kind in KINDS.values() if kind.lifecycle}
"""The operations whose resources are described at the end of a run, and the kinds that they create."""


class Watcher:
    """Notes everything created through a boto3 session and tells it; asks for the rest once, at the end."""

    def __init__(self, session: Any, told: Callable[[Creation, str], None] = lambda made, config: None) -> None:
        self._names: dict[tuple[str, str], None] = {}
        self._told = told
        session.events.register("before-parameter-build.sagemaker", self._note)

    def note(self, operation: str, name: str) -> None:
        """Something created by other means than this boto3 session."""
        self._names[operation, name] = None

    def _note(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        if model.name in _CREATED and (name := params.get(_CREATED[model.name].name_member)):
            self._names[model.name, name] = None
        if made := creation(model, params):
            self._told(made, uses(params))

    def collect(self, client: Callable[[str], Any]) -> Iterator[Evidence]:
        for operation, name in list(self._names):
            yield from _described(client, operation, name)


def _described(client: Callable[[str], Any], operation: str, name: str) -> Iterator[Evidence]:
    from botocore.exceptions import ClientError

    kind = _CREATED[operation]
    try:
        description = getattr(client("sagemaker"), kind.method("Describe"))(**{kind.name_member: name})
    except ClientError:
        return  # it was never created, or is deleted by now: nothing to show
    description.pop("ResponseMetadata", None)
    content: Evidence = {"description": description}
    status = description.get(kind.status_member, "")
    if kind.is_job and (kind.noun == "TrainingJob" or status == "Failed"):
        lines = list(job_log(client("logs"), kind.log_group, kind.stream_prefix(name)))
        content["log_tail"] = lines[-LOG_TAIL:]
        content["curves"] = metric_curves(description, lines)
    yield {"kind": kind.noun, "title": name, "step": None, "content": content}
    if kind.noun == "MonitoringSchedule":
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
