"""Puts SageMaker's own CloudWatch metrics into moto's back end, and limits their number."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

from moto.cloudwatch.models import cloudwatch_backends

from harness.aws import Metric

MOST = 50_000
"""The most data points of one account and region. The oldest are dropped first."""


def put_metrics(account: str, region: str, namespace: str, metrics: Sequence[Metric]) -> None:
    backend = cloudwatch_backends[account][region]
    # CloudWatch refuses NaN (PutMetricData in the API reference), which a diverging training prints.
    finite = [metric for metric in metrics if metric.value is None or math.isfinite(metric.value)]
    backend.put_metric_data(namespace, [_datum(metric) for metric in finite])
    limit_metrics(account, region)


def limit_metrics(account: str, region: str) -> None:
    data = cloudwatch_backends[account][region].metric_data
    if len(data) > MOST:
        del data[: len(data) - MOST * 9 // 10]


def _datum(metric: Metric) -> dict[str, Any]:
    datum: dict[str, Any] = {
        "MetricName": metric.name,
        "Timestamp": datetime.fromtimestamp(metric.timestamp, tz=timezone.utc).replace(tzinfo=None),
        "Dimensions": [{"Name": name, "Value": value} for name, value in metric.dimensions.items()],
        "Unit": metric.unit,
    }
    if metric.statistics is not None:
        datum["StatisticValues"] = dict(metric.statistics)
    else:
        datum["Value"] = metric.value or 0.0
    return datum
