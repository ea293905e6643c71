"""Executions of a monitoring schedule: their names, their summaries, what they end as, how they are listed. Pure."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from harness.kernel.clock import utc

Summary = dict[str, Any]
Moment = TypeVar("Moment")
VIOLATIONS = "CompletedWithViolations"


class NoData(Exception):
    """Nothing was captured in the window: the execution fails, with these words."""

    def __str__(self) -> str:
        return "Job inputs had no data"


def execution_name(scheduled: float) -> str:
    """Return a new name for the processing job of an execution, as the service makes it."""
    return f"model-monitoring-{utc(scheduled):%Y%m%d%H%M}-{uuid.uuid4().hex[:24]}"


def begin_execution(
    schedule: str, config: Mapping[str, Any], endpoint: str, scheduled: Moment, now: Moment, status: str
) -> Summary:
    """Return the summary of an execution that begins, in the words of ListMonitoringExecutions.

    ``config`` is the schedule's MonitoringScheduleConfig. Times stay of the type they are.
    """
    name = config.get("MonitoringJobDefinitionName")
    return {
        "MonitoringScheduleName": schedule,
        "ScheduledTime": scheduled,
        "CreationTime": now,
        "LastModifiedTime": now,
        "MonitoringExecutionStatus": status,
        "EndpointName": endpoint,
        "MonitoringType": config.get("MonitoringType", "DataQuality"),
        **({"MonitoringJobDefinitionName": name} if name else {}),
    }


def verdict(job: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an execution ends as, from what describes its processing job.

    The analyzer writes its verdict as the exit message: see "Interpret results" in the guide of Model Monitor.
    """
    status = str(job["ProcessingJobStatus"])
    if status == "Completed" and str(job.get("ExitMessage", "")).startswith(VIOLATIONS):
        status = VIOLATIONS
    reason = {"FailureReason": job["FailureReason"]} if job.get("FailureReason") else {}
    return {"MonitoringExecutionStatus": status, **reason}


def _equals(member: str) -> Callable[[Summary, Any], bool]:
    return lambda summary, value: bool(summary.get(member) == value)


def _after(member: str) -> Callable[[Summary, Any], bool]:
    return lambda summary, moment: bool(summary[member] > moment)


def _before(member: str) -> Callable[[Summary, Any], bool]:
    return lambda summary, moment: bool(summary[member] < moment)


_TIMES = ("ScheduledTime", "CreationTime", "LastModifiedTime")
EXECUTION_FILTERS: Mapping[str, Callable[[Summary, Any], bool]] = {
    "MonitoringScheduleName": _equals("MonitoringScheduleName"),
    "EndpointName": _equals("EndpointName"),
    "MonitoringJobDefinitionName": _equals("MonitoringJobDefinitionName"),
    "MonitoringTypeEquals": _equals("MonitoringType"),
    "StatusEquals": _equals("MonitoringExecutionStatus"),
    **{f"{member}After": _after(member) for member in _TIMES},
    **{f"{member}Before": _before(member) for member in _TIMES},
}
"""Members of a ListMonitoringExecutions request -> whether an execution's summary is among what is listed."""


def list_executions(executions: Iterable[Summary], request: Mapping[str, Any]) -> list[Summary]:
    """Return one page of executions, filtered and sorted. The API's reference gives the defaults."""
    tests = [(EXECUTION_FILTERS[name], value) for name, value in request.items() if name in EXECUTION_FILTERS]
    found = [each for each in executions if all(test(each, value) for test, value in tests)]
    by = request.get("SortBy", "CreationTime")
    member = "MonitoringExecutionStatus" if by == "Status" else by
    found.sort(key=lambda each: each[member], reverse=request.get("SortOrder", "Descending") == "Descending")
    return found[: request.get("MaxResults", len(found))]
