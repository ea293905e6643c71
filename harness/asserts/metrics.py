"""Expectations on the metrics of a training job: their final values, and their curves in the log."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from harness.asserts.evidence import log_lines
from harness.asserts.jobs import LONGEST_JOB, JobExpectations, kind_of
from harness.scenario.evidence import metric_curves

_STEPS = {"rising": 1.0, "falling": -1.0}


class Metrics(JobExpectations):
    def metrics(self, job: str) -> dict[str, float]:
        """Return the final metrics of a training job, after waiting for its end."""
        description = self._wait_until_final("TrainingJob", job, LONGEST_JOB)
        return {item["MetricName"]: float(item["Value"]) for item in description.get("FinalMetricDataList", [])}

    def metric(
        self,
        job: str,
        name: str,
        low: float = -math.inf,
        high: float = math.inf,
        *,
        near: float | None = None,
        tolerance: float = 1e-6,
    ) -> float:
        """Expect the final value of a metric to be within bounds or near a number; return it.

        SageMaker may add metrics shortly after the job's end, so this waits for them.
        """
        if near is not None:
            low, high = near - tolerance, near + tolerance
        values: dict[str, float] = {}

        def exists() -> bool:
            values.update(self.metrics(job))
            return name in values

        if not self._wait_for(exists, self._session.patience, lambda: True):
            names = ", ".join(values) or "none"
            self.fail(f"{job} has a metric {name}", f"it has {names}\n{self._log('TrainingJob', job)}")
        more = f"all of {job}: {values}\nmore: harness logs {job}"
        if math.isinf(low) and math.isinf(high):
            self.that(math.isfinite(values[name]), f"{name} is a number: {values[name]:.4g}", more)
        else:
            self.between(values[name], low, high, name, more)
        return values[name]

    def curve(
        self,
        job: str,
        name: str,
        direction: str = "",
        *,
        slack: float = 0.0,
        low: float = -math.inf,
        high: float = math.inf,
        near: Sequence[float] | None = None,
        tolerance: float = 1e-6,
    ) -> list[float]:
        """Expect a curve of a metric over training in the job's log; return its values.

        ``direction`` is "rising" or "falling": no value may be worse than the previous one by more than ``slack``.
        ``low`` and ``high`` are bounds of every value, ``near`` are the expected values.
        """
        if direction and direction not in _STEPS:
            raise ValueError(f"direction is {' or '.join(map(repr, _STEPS))}, not {direction!r}")
        pattern = self._definition(job, name)
        values = self._wait_for(lambda: self._values(job, pattern), self._session.patience, lambda: True)
        log = "" if values else self._log("TrainingJob", job)
        self.that(bool(values), f"{name} of {job} is logged over training", f"no line of the log shows it twice\n{log}")
        wrong = _outside(values, low, high) + (_turns(values, _STEPS[direction], slack) if direction else [])
        checks = [direction] if direction else []
        checks += [f"within {low:g} and {high:g}"] if math.isfinite(low) or math.isfinite(high) else []
        if checks:
            evidence = "\n".join([*wrong[:5], f"its values: {_join_values(values)}", f"more: harness logs {job}"])
            self.that(not wrong, f"{name} is {' and '.join(checks)} over {len(values)} values", evidence)
        if near is not None:
            self.close(values, near, f"{name} over training", tolerance)
        return values

    def _definition(self, job: str, name: str) -> dict[str, str]:
        description = self._wait_until_final("TrainingJob", job, LONGEST_JOB)
        definitions = {
            each["Name"]: each for each in description["AlgorithmSpecification"].get("MetricDefinitions", [])
        }
        if name not in definitions:
            self.fail(f"{job} defines the metric {name}", f"it defines {', '.join(definitions) or 'none'}")
        definition: dict[str, str] = definitions[name]
        return definition

    def _values(self, job: str, definition: dict[str, str]) -> list[float]:
        lines = log_lines(self._session.client("logs"), kind_of("TrainingJob"), job)
        description = {"AlgorithmSpecification": {"MetricDefinitions": [definition]}}
        return metric_curves(description, list(lines)).get(definition["Name"], [])


def _outside(values: Sequence[float], low: float, high: float) -> list[str]:
    return [f"  {at}: {value:g} is outside" for at, value in enumerate(values) if not low <= value <= high]


def _turns(values: Sequence[float], step: float, slack: float) -> list[str]:
    return [
        f"  {at}: {value:g} after {before:g}"
        for at, (before, value) in enumerate(itertools.pairwise(values), 1)
        if not (value - before) * step >= -slack
    ]


def _join_values(values: Sequence[float]) -> str:
    shown = [f"{value:g}" for value in values]
    return ", ".join(shown if len(shown) <= 40 else [*shown[:20], "…", *shown[-20:]])
