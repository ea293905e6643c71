"""The history of runs: one line of JSON for each scenario played, appended to ``history.jsonl`` of the state folder.

Only appended to, by several runs at once if need be; a line that cannot be read is skipped and counted.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime, timezone
from pathlib import Path

from harness.kernel.files import open_private
from harness.report.model import Report, ScenarioReport
from harness.report.numbers import metrics, step_seconds

FILE = "history.jsonl"
MOST_BYTES = 16_000_000
"""Of a longer file the end is read."""
_LATEST = 4e9
"""Seconds since the epoch that no run has begun after."""


@dataclass(frozen=True)
class Past:
    """One scenario of one run."""

    run: str
    at: float
    profile: str
    scenario: str
    passed: bool
    seconds: float
    interrupted: bool = False
    expectations: int = 0
    met: int = 0
    whole: bool = True
    """False when steps were replayed or jobs reused: then it took less time than a run takes."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    steps: Mapping[str, float] = field(default_factory=dict)
    report: str = ""
    """The folder of the report, which may be gone by now."""
    version: str = ""
    data: str = ""
    """The file given with ``--data``: what it gave is no measure for another's."""

    @property
    def when(self) -> str:
        return datetime.fromtimestamp(self.at, tz=timezone.utc).strftime("%Y-%m-%d %H:%M")


@dataclass(frozen=True)
class History:
    """Oldest first."""

    runs: tuple[Past, ...] = ()
    corrupt: int = 0

    def of(self, scenario: str, profile: str | None = None) -> list[Past]:
        return [past for past in self.runs if past.scenario == scenario and profile in (None, past.profile)]


def history_file(state: Path) -> Path:
    """A run of pytest has a state folder of its own inside the project's, and empties it; the history outlives it."""
    own = state.parent.name == "pytest" and state.parent.parent.name == ".harness"
    return (state.parent.parent if own else state) / FILE


def read_history(state: Path) -> History:
    try:
        with history_file(state).open("rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(max(size - MOST_BYTES, 0))
            if size > MOST_BYTES:
                stream.readline()  # begun somewhere in it
            lines = stream.read().split(b"\n")
    except FileNotFoundError:
        return History()
    told = [line for line in lines if line.strip()]
    runs = [past for line in told if (past := _past(line)) is not None]
    return History(tuple(runs), len(told) - len(runs))


def last_results(state: Path) -> dict[str, Past]:
    """The latest run of each scenario, on whatever profile."""
    return {past.scenario: past for past in read_history(state).runs}


def remember(report: Report, folder: Path, state: Path) -> None:
    """Appends what was played. Raises ``OSError`` where the state folder cannot be written."""
    file = history_file(state)
    file.parent.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(asdict(now_of(scenario, report, folder))) for scenario in report.scenarios]
    if not lines:
        return
    with open(file, "ab+", opener=open_private) as stream:
        if stream.seek(0, os.SEEK_END):
            stream.seek(-1, os.SEEK_END)
            # A run that was killed while it wrote may have left half a line; this one must not grow out of it.
            lines[:0] = [] if stream.read() == b"\n" else [""]
        # One write, so that lines of runs at the same time do not mix.
        os.write(stream.fileno(), ("\n".join(lines) + "\n").encode())


def now_of(scenario: ScenarioReport, report: Report, folder: Path) -> Past:
    """A scenario as history will have it."""
    started = datetime.fromtimestamp(scenario.started, tz=timezone.utc)
    return Past(
        run=started.strftime("%Y%m%d-%H%M%S"),
        at=scenario.started,
        profile=report.profile,
        scenario=scenario.name,
        passed=scenario.passed,
        seconds=round(scenario.seconds, 3),
        interrupted=scenario.interrupted,
        expectations=len(scenario.expectations),
        met=sum(expectation.passed for expectation in scenario.expectations),
        whole=not any(step.replayed or step.reused for step in scenario.steps),
        metrics=metrics(scenario),
        steps=step_seconds(scenario),
        report=str(folder),
        version=report.version,
        data=report.data,
    )


def _past(line: bytes) -> Past | None:
    """None for what is no line of a history; members of later versions are left out."""
    try:
        found = json.loads(line)
        past = Past(**{each.name: found[each.name] for each in fields(Past) if each.name in found})
    except (ValueError, TypeError, RecursionError):
        return None
    return past if _sound(past) else None


def _sound(past: Past) -> bool:
    texts = (past.run, past.profile, past.scenario, past.report, past.version, past.data)
    if not isinstance(past.metrics, dict) or not isinstance(past.steps, dict):
        return False
    numbers = (past.at, past.seconds, past.expectations, past.met, *past.metrics.values(), *past.steps.values())
    return (
        all(isinstance(text, str) for text in texts)
        and all(isinstance(number, (int, float)) and math.isfinite(number) for number in numbers)
        and 0 <= past.at < _LATEST
        and all(isinstance(said, bool) for said in (past.passed, past.interrupted, past.whole))
    )
