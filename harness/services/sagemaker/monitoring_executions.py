"""Monitoring executions: list. The engine creates them when a schedule is due."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from harness.contract.monitoring_executions import EXECUTION_FILTERS
from harness.engine.monitoring.records import EXECUTION
from harness.kernel.records import Record
from harness.services.paging import Listing
from harness.services.scope import Scope


def list_monitoring_executions(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    return _LISTING.page(scope.records_of(EXECUTION), request)


def _filter(name: str) -> Callable[[Record, Any], bool]:
    return lambda record, value: EXECUTION_FILTERS[name](dict(record.status), value)


_OWN = ("MonitoringScheduleName", "EndpointName", "MonitoringJobDefinitionName", "MonitoringTypeEquals")
"""The filters that other lists do not have, with those of the scheduled time."""
_LISTING = Listing(
    answer="MonitoringExecutionSummaries",
    summary=lambda record: dict(record.status),
    status="MonitoringExecutionStatus",
    filters={name: _filter(name) for name in (*_OWN, "ScheduledTimeAfter", "ScheduledTimeBefore")},
    orders={"ScheduledTime": "scheduled"},
    sort_by="ScheduledTime",
)
