"""The metric lines of a run; the platform reads the file and publishes them. The namespace is the platform's."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from typing import Any

from .config import AnalysisConfig
from .constraints import Constraints
from .drift import Drift
from .profiles import ColumnProfile, DatasetProfile


def write_metrics(
    config: AnalysisConfig, constraints: Constraints, drifts: Mapping[str, Drift], profile: DatasetProfile
) -> None:
    switches = {feature.name: feature.monitoring.emit_metrics for feature in constraints.features}
    columns = [
        column for name, column in profile.columns.items() if switches.get(name, constraints.monitoring.emit_metrics)
    ]
    if not config.publish_cloudwatch_metrics or not columns:
        return
    shared = {"Timestamp": _timestamp(config), "Dimensions": _dimensions(config)}
    config.metrics_file.parent.mkdir(parents=True, exist_ok=True)
    with config.metrics_file.open("w", encoding="utf-8") as stream:
        for column in columns:
            for metric in _metrics(column, drifts):
                line = {"MetricName": metric.pop("MetricName"), **shared, **metric}
                stream.write(json.dumps(line) + "\n")


def _metrics(column: ColumnProfile, drifts: Mapping[str, Drift]) -> Iterator[dict[str, Any]]:
    moments = column.moments
    if moments.count and not column.cells.textual:
        statistics = {
            "SampleCount": float(moments.count),
            "Sum": float(moments.sum),
            "Minimum": moments.min,
            "Maximum": moments.max,
        }
        yield {"MetricName": f"feature_data_{column.name}", "StatisticValues": statistics}
    yield {"MetricName": f"feature_non_null_{column.name}", "Value": column.completeness}
    if column.name in drifts:
        yield {"MetricName": f"feature_baseline_drift_{column.name}", "Value": drifts[column.name].value}


def _timestamp(config: AnalysisConfig) -> str:
    moment = config.metric_time or config.start_time or datetime.now(timezone.utc)
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _dimensions(config: AnalysisConfig) -> list[dict[str, str]]:
    """Endpoint and schedule; batch monitoring has no endpoint."""
    named = (("Endpoint", config.endpoint_name), ("MonitoringSchedule", config.schedule_name))
    return [{"Name": name, "Value": value} for name, value in named if value]
