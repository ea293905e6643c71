"""What Describe says of a finished training job beyond local mode's answer: metrics, secondary status, billing."""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from harness.contract.catalog import UnknownImage, resolve_image
from harness.contract.xgboost_metrics import add_builtin_metrics
from harness.localmode.jobs import LocalJob

Points = dict[str, list[tuple[float, float]]]
"""Metric name -> ``(seconds since the epoch, value)`` in the order of the log."""


def settle_training(job: LocalJob) -> Points:
    algorithm = {**job.request["AlgorithmSpecification"]}
    definitions = algorithm.get("MetricDefinitions", [])
    if _builtin_xgboost(algorithm.get("TrainingImage", "")):
        definitions = add_builtin_metrics(definitions)
    if definitions:
        algorithm["MetricDefinitions"] = definitions
    points = metric_points(definitions, job.lines)
    started, ended = job.told["TrainingStartTime"], job.told["TrainingEndTime"]
    status = job.told["TrainingJobStatus"]
    seconds = max(1, math.ceil((ended - started).total_seconds()))
    job.told |= {
        "AlgorithmSpecification": algorithm,
        "OutputDataConfig": {"KmsKeyId": "", **job.request["OutputDataConfig"]},
        "SecondaryStatus": status,
        "SecondaryStatusTransitions": [
            _transition("Training", started, ended, "Training image download completed. Training in progress."),
            _transition(status, ended, ended, job.told.get("FailureReason", "Training job completed")),
        ],
        "TrainingTimeInSeconds": seconds,
        "BillableTimeInSeconds": seconds,
        "EnableNetworkIsolation": False,
        "EnableInterContainerTrafficEncryption": False,
        "EnableManagedSpotTraining": job.request.get("EnableManagedSpotTraining", False),
        "FinalMetricDataList": [
            {"MetricName": name, "Value": _single(found[-1][1]), "Timestamp": _moment(found[-1][0])}
            for name, found in points.items()
        ],
    }
    return points


def metric_points(definitions: list[Mapping[str, str]], lines: list[tuple[float, str]]) -> Points:
    """The first group of each definition's regular expression is a value of its metric."""
    points: Points = {}
    patterns = [(item["Name"], re.compile(item["Regex"])) for item in definitions]
    for moment, line in lines:
        for name, pattern in patterns:
            found = pattern.match(line) if pattern.pattern.startswith(".*") else pattern.search(line)
            if found is None or not found.groups():
                continue
            try:
                value = float(found[1])
            except (TypeError, ValueError):
                continue
            if math.isfinite(value):
                points.setdefault(name, []).append((moment, value))
    return points


def _builtin_xgboost(image: str) -> bool:
    try:
        return resolve_image(image).name == "xgboost"
    except UnknownImage:
        return False


def _transition(status: str, start: datetime, end: datetime, message: str) -> dict[str, Any]:
    return {"Status": status, "StartTime": start, "EndTime": end, "StatusMessage": message}


def _single(value: float) -> float:
    """SageMaker keeps metrics as 32-bit floats."""
    try:
        return float(struct.unpack("<f", struct.pack("<f", value))[0])
    except OverflowError:
        return value


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(int(seconds), tz=timezone.utc)
