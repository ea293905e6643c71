"""The numbers of a run that are followed from run to run: its metrics, and how long its steps took."""

from __future__ import annotations

import math
from typing import Any

from harness.report.model import ScenarioReport

MOST_METRICS = 40


def metrics(scenario: ScenarioReport) -> dict[str, float]:
    """Final metrics of training jobs and the scores of classifiers; a second job's carry its number."""
    found: dict[str, float] = {}
    for resource in scenario.resources:
        for metric in resource.description.get("FinalMetricDataList") or []:
            _add(found, str(metric.get("MetricName")), metric.get("Value"))
    for evidence in scenario.evidence:
        if evidence.kind == "classification":
            for name, value in (evidence.content.get("metrics") or {}).items():
                _add(found, f"{evidence.title}: {name}", value)
    return dict(list(found.items())[:MOST_METRICS])


def _add(found: dict[str, float], name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return
    number, free = 1, name
    while free in found:
        number += 1
        free = f"{name} ({number})"
    found[free] = float(value)


def step_seconds(scenario: ScenarioReport) -> dict[str, float]:
    """By name; a step that is told twice counts in sum."""
    found: dict[str, float] = {}
    for step in scenario.steps:
        found[step.name] = round(found.get(step.name, 0.0) + step.seconds, 3)
    return found
