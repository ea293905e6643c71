"""Metric data of trial components: BatchPutMetrics and BatchGetMetrics."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from harness.engine.tracking.component_metrics import MetricPoint, metric_points, put_metrics
from harness.kernel.arns import parse_arn
from harness.kernel.errors import ValidationException
from harness.kernel.records import Record
from harness.services.scope import Scope
from harness.services.tracking import COMPONENTS
from harness.stores.records import RecordMissing

_PERIODS = {"OneMinute": 60, "FiveMinute": 300, "OneHour": 3600}
_MOST = 10_000
"""The most values in one answer. A longer series has the status Truncated."""


def batch_put_metrics(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    data = request["MetricData"]
    refused = [number for number, item in enumerate(data) if not _is_valid(item)]
    good = [item for number, item in enumerate(data) if number not in refused]
    try:
        put_metrics(scope.records, COMPONENTS.key(scope, request["TrialComponentName"]), good)
    except RecordMissing as error:
        raise ValidationException(COMPONENTS.missing(scope, request["TrialComponentName"]).message) from error
    errors = [{"Code": "VALIDATION_ERROR", "MetricIndex": number} for number in refused]
    return {"Errors": errors} if errors else {}


def _is_valid(item: Mapping[str, Any]) -> bool:
    """Return True if a point can be stored. Others get an error each: PutMetricsErrorCode in the API reference."""
    return math.isfinite(item["Value"]) and item["Timestamp"] >= 0


def batch_get_metrics(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    """Answer each query separately. A query that fails has its error in its own result."""
    return {"MetricQueryResults": [_result(scope, query) for query in request["MetricQueries"]]}


def _result(scope: Scope, query: Mapping[str, Any]) -> dict[str, Any]:
    component = _component(scope, query["ResourceArn"])
    if component is None:
        return _failure(f"Could not find trial component '{query['ResourceArn']}'.")
    if (query["Period"] == "IterationNumber") != (query["XAxisType"] == "IterationNumber"):
        return _failure(f"Period {query['Period']} does not go with XAxisType {query['XAxisType']}.")
    points = [point for point in metric_points(scope.records, component) if point.name == query["MetricName"]]
    groups = _group_points(points, query)
    axis = sorted(groups)[:_MOST]
    return {
        "Status": "Truncated" if len(groups) > _MOST else "Complete",
        "XAxisValues": axis,
        "MetricValues": [_statistic(query["MetricStat"], groups[position]) for position in axis],
    }


def _component(scope: Scope, arn: str) -> Record | None:
    try:
        kind, account, region, name = parse_arn(arn)
    except ValueError:
        return None
    if (kind, account, region) != (COMPONENTS.kind, scope.account, scope.region):
        return None
    return scope.records.find(scope.key(kind, name.lower()))


def _failure(message: str) -> dict[str, Any]:
    return {"Status": "ValidationError", "Message": message, "XAxisValues": [], "MetricValues": []}


def _group_points(points: Iterable[MetricPoint], query: Mapping[str, Any]) -> dict[int, list[MetricPoint]]:
    """Group points by their position on the x axis. Points without a step have no iteration number and are left out."""
    groups: dict[int, list[MetricPoint]] = {}
    for point in points:
        if query["XAxisType"] == "IterationNumber":
            position = point.step
        else:
            period = _PERIODS[query["Period"]]
            position = int(point.timestamp // period) * period
        if position is not None and query.get("Start", position) <= position <= query.get("End", position):
            groups.setdefault(position, []).append(point)
    return groups


def _statistic(name: str, points: Sequence[MetricPoint]) -> float:
    values = [point.value for point in points]
    mean = math.fsum(values) / len(values)
    if name == "StdDev":
        return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / len(values))
    statistics: Mapping[str, float] = {
        "Min": min(values),
        "Max": max(values),
        "Avg": mean,
        "Count": float(len(values)),
        "Last": max(reversed(points), key=lambda point: point.timestamp).value,
    }
    return statistics[name]
