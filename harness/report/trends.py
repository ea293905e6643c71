"""Trends of a scenario's duration and metrics: the last value against the median of the runs before."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.report.history import Past

BEFORE = 10
DURATION = "duration"
_BARS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True)
class Trend:
    """The last value and up to ten before it; ``median`` is that of the values before, None if there are none."""

    name: str
    unit: str
    values: tuple[float, ...]
    median: float | None

    @property
    def last(self) -> float:
        return self.values[-1]

    @property
    def change(self) -> float | None:
        """The change of the last value, relative to the median."""
        return None if not self.median else (self.last - self.median) / abs(self.median)


def trends(runs: Sequence[Past]) -> list[Trend]:
    """Return the trends of the duration and of each metric. ``runs`` are of one scenario and profile, oldest first.

    Only runs that passed on the same data as the last one count, and for durations only full runs.
    """
    passed = _comparable_runs(runs)
    times = [past.seconds for past in passed if past.whole]
    duration = [_trend(DURATION, "s", times)] if times else []
    return [*duration, *_each([past.metrics for past in passed], "")]


def step_trends(runs: Sequence[Past]) -> list[Trend]:
    """Return the trend of each step of the last run."""
    return _each([past.steps for past in _comparable_runs(runs) if past.whole], "s")


def _comparable_runs(runs: Sequence[Past]) -> list[Past]:
    return [past for past in runs if past.passed and past.data == runs[-1].data]


def _each(runs: Sequence[Mapping[str, float]], unit: str) -> list[Trend]:
    names = runs[-1] if runs else {}
    return [_trend(name, unit, [run[name] for run in runs if name in run]) for name in names]


def _trend(name: str, unit: str, values: Sequence[float]) -> Trend:
    before = values[-1 - BEFORE : -1]
    return Trend(name, unit, tuple(values[-1 - BEFORE :]), statistics.median(before) if before else None)


def blocks(values: Sequence[float]) -> str:
    """Draw values as a sparkline of block characters."""
    low, high = min(values), max(values)
    if not high > low:
        return _BARS[3] * len(values)
    return "".join(_BARS[round((value - low) / (high - low) * (len(_BARS) - 1))] for value in values)
