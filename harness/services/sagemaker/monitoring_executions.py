"""Monitoring executions: list. The engine creates them when a schedule is due."""

from __future__ import annotations

from typing import Any

from harness.engine.monitoring.records import EXECUTION
from harness.kernel.records import Record
from harness.services.paging import Listing
from harness.services.scope import Scope


def list_monitoring_executions(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    return _LISTING.page(scope.records_of(EXECUTION), request)


def _member(name: str) -> Any:
    return lambda record, value: record.status.get(name) == value


def _scheduled_time(record: Record) -> float:
    return float(record.status["ScheduledTime"])


_LISTING = Listing(
    answer="MonitoringExecutionSummaries",
    summary=lambda record: dict(record.status),
    status="MonitoringExecutionStatus",
    filters={
        "MonitoringScheduleName": _member("MonitoringScheduleName"),
        "EndpointName": _member("EndpointName"),
        "MonitoringJobDefinitionName": _member("MonitoringJobDefinitionName"),
        "MonitoringTypeEquals": _member("MonitoringType"),
        "ScheduledTimeAfter": lambda record, moment: _scheduled_time(record) > moment,
        "ScheduledTimeBefore": lambda record, moment: _scheduled_time(record) < moment,
    },
    orders={"ScheduledTime": "scheduled"},
    sort_by="ScheduledTime",
)
