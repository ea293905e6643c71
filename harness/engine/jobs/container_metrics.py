"""Metric lines that a processing container left for the platform to publish: JSON lines, one CloudWatch datum each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from harness.aws import Metric
from harness.contract.processing import CLOUDWATCH_FOLDER, metrics_namespace
from harness.engine.jobs.job_run import JobRun
from harness.engine.jobs.staging import METRICS_LIMIT, result_files

_STATISTICS = ("SampleCount", "Sum", "Minimum", "Maximum")


def publish_container_metrics(work: JobRun) -> None:
    spaces: dict[str, list[Metric]] = {}
    for metric in _metrics(work.root):
        spaces.setdefault(metrics_namespace(metric.dimensions), []).append(metric)
    for namespace, metrics in spaces.items():
        work.components.aws.put_metrics(work.key.account, work.key.region, namespace, metrics)


def _metrics(root: Path) -> Iterator[Metric]:
    for file in sorted(result_files(root, CLOUDWATCH_FOLDER)):
        if file.name.endswith(".jsonl"):
            yield from filter(None, map(_metric, file.lines(METRICS_LIMIT)))


def _metric(line: str) -> Metric | None:
    """Return the metric of a line, or None if it is malformed: one wrong line must not lose the other metrics."""
    try:
        item: dict[str, Any] = json.loads(line)
        statistics = item.get("StatisticValues")
        moment = datetime.fromisoformat(item["Timestamp"].replace("Z", "+00:00"))
        return Metric(
            name=str(item["MetricName"]),
            timestamp=(moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp(),
            dimensions={str(pair["Name"]): str(pair["Value"]) for pair in item.get("Dimensions", [])},
            value=float(item["Value"]) if statistics is None else None,
            statistics={name: float(statistics[name]) for name in _STATISTICS} if statistics is not None else None,
            unit=item.get("Unit") or "None",
        )
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return None
