"""The timeline of a scenario: its steps, and below each step the jobs that started in it, with their real times."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest

from harness.report.model import Resource, ScenarioReport, Step
from harness.report.plots import ticks

MOST_BARS = 200
_CLOCK_SLACK = 2.0
"""Seconds that a job's times may lie outside those of the scenario."""


@dataclass(frozen=True)
class Bar:
    """One bar, in seconds from the start of the scenario. ``kind`` is passed, failed, running, job or open."""

    name: str
    start: float
    end: float
    kind: str
    detail: str = ""

    @property
    def seconds(self) -> float:
        return self.end - self.start


@dataclass(frozen=True)
class Gantt:
    """The bars of a timeline in order, and the ticks of its axis in seconds."""

    bars: tuple[Bar, ...]
    seconds: float
    ticks: tuple[float, ...]
    left_out: int = 0

    def percent(self, seconds: float) -> str:
        """Return a time or a duration as a share of the timeline's width."""
        return f"{min(max(seconds / self.seconds, 0.0), 1.0) * 100:.2f}%"


def build_gantt(scenario: ScenarioReport) -> Gantt | None:
    """Build the timeline of a scenario; None if it has neither steps nor jobs."""
    jobs = list(_jobs(scenario))
    if not scenario.steps and not jobs:
        return None
    bars: list[Bar] = []
    waiting = sorted(jobs, key=lambda bar: bar.start)
    for step, following in zip_longest(scenario.steps, scenario.steps[1:]):
        start = step.started - scenario.started
        bars.append(Bar(step.name, start, start + step.seconds, step.state, step.error))
        next_start = following.started - scenario.started if following else float("inf")
        bars += [bar for bar in waiting if bar.start < next_start]
        waiting = [bar for bar in waiting if bar.start >= next_start]
    bars += waiting
    end = max([bar.end for bar in bars], default=0.0) or 1.0
    return Gantt(tuple(bars[:MOST_BARS]), end, tuple(ticks(0.0, end)), max(len(bars) - MOST_BARS, 0))


def _jobs(scenario: ScenarioReport) -> Iterator[Bar]:
    for resource in scenario.resources:
        start, end = _interval(resource, scenario)
        if start is None or end is None:
            continue
        has_end = resource.ended is not None
        kind = "failed" if resource.status == "Failed" else "job" if has_end else "open"
        detail = f"{resource.kind} {resource.name}"
        if resource.reused_from:
            kind, detail = "open", f"{detail}, reused from {resource.reused_from}"
        yield Bar(_without_stamp(resource.name), max(start, 0.0), max(end, 0.0), kind, detail)


def _interval(resource: Resource, scenario: ScenarioReport) -> tuple[float | None, float | None]:
    """Return start and end in seconds from the start of the scenario; None if they are not known.

    Where the emulator's clock was moved, the times of a resource are not those of this machine. Then the time of the
    Create request is the start, and the duration counts.
    """
    begin, created = scenario.started, resource.created
    start, end = parse_time(resource.started), parse_time(resource.ended)
    if start is None or end is None:
        stays = resource.kind in ("Endpoint", "MonitoringSchedule") and created is not None
        return (created - begin, _last_end(scenario.steps, begin)) if stays and created is not None else (None, None)
    during_run = -_CLOCK_SLACK <= start - begin <= scenario.seconds + _CLOCK_SLACK
    if during_run or created is None:
        return (start - begin, end - begin) if during_run else (None, None)
    return created - begin, created - begin + end - start


def _last_end(steps: Iterable[Step], begin: float) -> float:
    return max((step.started + step.seconds - begin for step in steps), default=0.0)


def parse_time(text: str | None) -> float | None:
    """Parse a time of an event, which is boto3's datetime as text; None if there is none."""
    try:
        return datetime.fromisoformat(text).timestamp() if text else None
    except ValueError:
        return None


def _without_stamp(name: str) -> str:
    """Return a job's name without the time that the SDKs append to it."""
    return re.sub(r"(-\d+){4,}$", "", name)
