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
    """``median`` is that of up to ten runs before the last, None when there were none. Only passed runs count."""

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

    @property
    def spark(self) -> str:
        return spark(self.values)


def trends(runs: Sequence[Past]) -> list[Trend]:
    """Of runs of one scenario on one profile, oldest first: the duration, then each metric of the last run."""
    passed = [past for past in runs if past.passed]
    if not passed:
        return []
    found = [_trend(DURATION, "s", [past.seconds for past in passed])]
    return [*found, *_each([past.metrics for past in passed], "")]


def step_trends(runs: Sequence[Past]) -> list[Trend]:
    """Each step of the last run."""
    return _each([past.steps for past in runs if past.passed], "s")


def _each(runs: Sequence[Mapping[str, float]], unit: str) -> list[Trend]:
    names = runs[-1] if runs else {}
    return [_trend(name, unit, [run[name] for run in runs if name in run]) for name in names]


def _trend(name: str, unit: str, values: Sequence[float]) -> Trend:
    before = values[-1 - BEFORE : -1]
    return Trend(name, unit, tuple(values[-1 - BEFORE :]), statistics.median(before) if before else None)


def spark(self) -> str:
    return spark(self.values)


def trends(runs: Sequence[Past]) -> list[Trend]:
    """Of runs of one scenario on one profile, oldest first: the duration, then each metric of the last run."""
    passed = [past for past in runs if past.passed]
    if not passed:
        return []
    found = [_trend(DURATION, "s", passed, lambda past: past.seconds)]
    found += [_trend(name, "", passed, lambda past, name=name: past.metrics.get(name)) for name in passed[-1].metrics]  # type: ignore[misc]
    return found


def step_trends(runs: Sequence[Past]) -> list[Trend]:
    passed = [past for past in runs if past.passed]
    return [
        _trend(name, "s", passed, lambda past, name=name: past.steps.get(name))  # type: ignore[misc]
        for name in (passed[-1].steps if passed else {})
    ]


def _trend(name: str, unit: str, runs: Sequence[Past], value: Callable[[Past], float | None]) -> Trend:
    values = [found for past in runs if (found := value(past)) is not None]
    before = values[-1 - BEFORE : -1]
    return Trend(name, unit, tuple(values[-1 - BEFORE :]), statistics.median(before) if before else None)


def spark(values: Sequence[float]) -> str:
    """A sparkline of block characters."""
    low, high = min(values), max(values)
    if not high > low:
        return _BARS[3] * len(values)
    return "".join(_BARS[round((value - low) / (high - low) * (len(_BARS) - 1))] for value in values)
