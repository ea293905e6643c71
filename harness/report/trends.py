"""How a scenario's duration and metrics went over its runs: the last value beside the median of those before."""

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
    """``values`` are the last and up to ten before it; ``median`` is that of those before, None when there are none."""

    name: str
    unit: str
    values: tuple[float, ...]
    median: float | None

    @property
    def last(self) -> float:
        return self.values[-1]

    @property
    def change(self) -> float | None:
        """Relative to the median."""
        return None if not self.median else (self.last - self.median) / abs(self.median)


def trends(runs: Sequence[Past]) -> list[Trend]:
    """Of runs of one scenario on one profile, oldest first: the duration, then each metric of the last one.

    Only runs that passed count, on the data of the last one, and in durations only those that did all of it.
    """
    passed = _alike(runs)
    times = [past.seconds for past in passed if past.whole]
    duration = [_trend(DURATION, "s", times)] if times else []
    return [*duration, *_each([past.metrics for past in passed], "")]


def step_trends(runs: Sequence[Past]) -> list[Trend]:
    """Each step of the last run."""
    return _each([past.steps for past in _alike(runs) if past.whole], "s")


def _alike(runs: Sequence[Past]) -> list[Past]:
    return [past for past in runs if past.passed and past.data == runs[-1].data]


def _each(runs: Sequence[Mapping[str, float]], unit: str) -> list[Trend]:
    names = runs[-1] if runs else {}
    return [_trend(name, unit, [run[name] for run in runs if name in run]) for name in names]


def _trend(name: str, unit: str, values: Sequence[float]) -> Trend:
    before = values[-1 - BEFORE : -1]
    return Trend(name, unit, tuple(values[-1 - BEFORE :]), statistics.median(before) if before else None)


def blocks(values: Sequence[float]) -> str:
    """A sparkline of block characters."""
    low, high = min(values), max(values)
    if not high > low:
        return _BARS[3] * len(values)
    return "".join(_BARS[round((value - low) / (high - low) * (len(_BARS) - 1))] for value in values)
