"""CloudWatch metrics: those of the emulator and those of users are one, bounded, and kept."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from harness.aws import Metric
from harness.aws.moto import metrics
from tests.aws.moto.serving import ACCOUNT, Served, serve

NAMESPACE = "/aws/sagemaker/TrainingJobs"


def statistics(served: Served, name: str) -> dict[str, Any]:
    now = time.time()
    found = served.client("cloudwatch").get_metric_statistics(
        Namespace=NAMESPACE,
        MetricName=name,
        Dimensions=[{"Name": "TrainingJobName", "Value": "job"}],
        StartTime=datetime.fromtimestamp(now - 3600, timezone.utc),
        EndTime=datetime.fromtimestamp(now + 60, timezone.utc),
        Period=7200,
        Statistics=["Sum", "Maximum", "SampleCount"],
    )
    (point,) = found["Datapoints"]
    return {key: point[key] for key in ("Sum", "Maximum", "SampleCount")}


def test_metrics_in_process_and_by_wire(tmp_path: Path) -> None:
    dimensions = {"TrainingJobName": "job"}
    with serve(tmp_path) as served:
        moment = time.time() - 60
        data = [Metric("loss", moment, dimensions, value=value) for value in (1.0, 2.0, float("nan"))]
        folded = {"SampleCount": 3.0, "Sum": 30.0, "Minimum": 5.0, "Maximum": 20.0}
        data.append(Metric("folded", moment, dimensions, statistics=folded))
        served.backend.put_metrics(ACCOUNT, "us-east-1", NAMESPACE, data)
        served.client("cloudwatch").put_metric_data(
            Namespace=NAMESPACE,
            MetricData=[
                {"MetricName": "loss", "Value": 4.0, "Dimensions": [{"Name": "TrainingJobName", "Value": "job"}]}
            ],
        )
        assert statistics(served, "loss") == {"Sum": 7.0, "Maximum": 4.0, "SampleCount": 3.0}
    with serve(tmp_path) as served:
        assert statistics(served, "loss") == {"Sum": 7.0, "Maximum": 4.0, "SampleCount": 3.0}
        assert statistics(served, "folded") == {"Sum": 30.0, "Maximum": 20.0, "SampleCount": 3.0}


def test_oldest_metrics_go_first(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "MOST", 100)
    for number in range(30):
        data = [Metric("m", time.time(), value=float(number))] * 10
        served.backend.put_metrics(ACCOUNT, "us-east-1", NAMESPACE, data)
    kept = metrics.cloudwatch_backends[ACCOUNT]["us-east-1"].metric_data
    assert 80 <= len(kept) <= 100
    assert kept[-1].value == 29.0
