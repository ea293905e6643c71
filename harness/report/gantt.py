"""The timeline of a scenario: its steps, under each the work that began in it, where and as long as it really ran."""

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


@dataclass(frozen=True)
class Bar:
    """``start`` and ``end`` in seconds from the scenario's begin. ``kind`` is passed, failed, running, job or open."""

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
    bars: tuple[Bar, ...]
    seconds: float
    ticks: tuple[float, ...]
    left_out: int = 0

    def percent(self, seconds: float) -> str:
        return f"{min(max(seconds / self.seconds, 0.0), 1.0) * 100:.2f}%"


def gantt(scenario: ScenarioReport) -> Gantt | None:
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
        start, end = _ran(resource, scenario)
        if start is None or end is None:
            continue
        own = resource.ended is not None
        kind = "failed" if resource.status == "Failed" else "job" if own else "open"
        detail = f"{resource.kind} {resource.name}"
        if resource.reused_from:
            kind, detail = "open", f"{detail}, reused from {resource.reused_from}"
        yield Bar(_without_stamp(resource.name), max(start, 0.0), max(end, 0.0), kind, detail)


def _ran(resource: Resource, scenario: ScenarioReport) -> tuple[float | None, float | None]:
    """Seconds from the begin. A moved clock tells other times than those of this machine: then the length counts,
    from when it was asked for."""
    begin, asked = scenario.started, resource.created
    start, end = moment(resource.started), moment(resource.ended)
    if start is None or end is None:
        still_there = resource.kind in ("Endpoint", "MonitoringSchedule") and asked is not None
        return (asked - begin, _last(scenario.steps, begin)) if still_there and asked is not None else (None, None)
    here = -_CLOCK_SLACK <= start - begin <= scenario.seconds + _CLOCK_SLACK
    if here or asked is None:
        return (start - begin, end - begin) if here else (None, None)
    return asked - begin, asked - begin + end - start


def _last(steps: Iterable[Step], begin: float) -> float:
    return max((step.started + step.seconds - begin for step in steps), default=0.0)


def moment(text: str | None) -> float | None:
    """A time as the events carry it: what ``str`` makes of boto3's datetime."""
    try:
        return datetime.fromisoformat(text).timestamp() if text else None
    except ValueError:
        return None


def _without_stamp(name: str) -> str:
    """The SDKs end a job's name with the time of day, which says nothing in a timeline."""
    return re.sub(r"(-\d+){4,}$", "", name)
