"""The numbers of a scenario's run that the history keeps: its metrics and the durations of its steps."""

from __future__ import annotations

import math
from typing import Any

from harness.report.model import ScenarioReport

MOST_METRICS = 40


def collect_metrics(scenario: ScenarioReport) -> dict[str, float]:
    """Collect the final metrics of training jobs and those of classification evidence; equal names are numbered."""
    metrics: dict[str, float] = {}
    for resource in scenario.resources:
        for metric in resource.description.get("FinalMetricDataList") or []:
            _add(metrics, str(metric.get("MetricName")), metric.get("Value"))
    for evidence in scenario.evidence:
        if evidence.kind == "classification":
            for name, value in (evidence.content.get("metrics") or {}).items():
                _add(metrics, f"{evidence.title}: {name}", value)
    return dict(list(metrics.items())[:MOST_METRICS])


def _add(metrics: dict[str, float], name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return
    number, free = 1, name
    while free in metrics:
        number += 1
        free = f"{name} ({number})"
    metrics[free] = float(value)


def sum_step_seconds(scenario: ScenarioReport) -> dict[str, float]:
    """Return the duration of each step by its name; steps of the same name are added."""
    durations: dict[str, float] = {}
    for step in scenario.steps:
        durations[step.name] = round(durations.get(step.name, 0.0) + step.seconds, 3)
    return durations
