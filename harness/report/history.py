"""The history of runs: ``history.jsonl`` in the state folder has one line of JSON for each scenario that ran.

Lines are only appended, by several runs at the same time if need be. A line that cannot be read is skipped and counted.
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
from harness.report.numbers import collect_metrics, sum_step_seconds

FILE = "history.jsonl"
MOST_BYTES = 16_000_000
"""How much of the end of the file is read."""
_LATEST = 4e9
"""The largest start of a run that is accepted, in seconds since the epoch."""


@dataclass(frozen=True)
class Past:
    """An entry of the history: one scenario of an earlier run."""

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
    """False if steps were replayed or jobs reused, so that the duration is not that of a full run."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    steps: Mapping[str, float] = field(default_factory=dict)
    report: str = ""
    """The folder of the report, which may have been deleted since."""
    version: str = ""
    data: str = ""
    """The file named by ``--data``; runs on different data are not compared."""

    @property
    def when(self) -> str:
        return datetime.fromtimestamp(self.at, tz=timezone.utc).strftime("%Y-%m-%d %H:%M")


@dataclass(frozen=True)
class History:
    """Earlier runs, the oldest first; ``corrupt`` is the number of lines that could not be read."""

    runs: tuple[Past, ...] = ()
    corrupt: int = 0

    def of(self, scenario: str, profile: str | None = None) -> list[Past]:
        """Return the runs of a scenario, on one profile or on all."""
        return [past for past in self.runs if past.scenario == scenario and profile in (None, past.profile)]


def history_file(state: Path) -> Path:
    """Return the file of the history. The state folder of a pytest run is emptied, so its history is the project's."""
    pytest_run = state.parent.name == "pytest" and state.parent.parent.name == ".harness"
    return (state.parent.parent if pytest_run else state) / FILE


def read_history(state: Path) -> History:
    """Read the history of a state folder; it is empty if there is no file."""
    try:
        with history_file(state).open("rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(max(size - MOST_BYTES, 0))
            if size > MOST_BYTES:
                stream.readline()  # the rest of a line
            lines = stream.read().split(b"\n")
    except FileNotFoundError:
        return History()
    entries = [line for line in lines if line.strip()]
    runs = [past for line in entries if (past := _parse_entry(line)) is not None]
    return History(tuple(runs), len(entries) - len(runs))


def last_results(state: Path) -> dict[str, Past]:
    """Return the latest run of each scenario on any profile."""
    return {past.scenario: past for past in read_history(state).runs}


def remember(report: Report, folder: Path, state: Path) -> None:
    """Append the scenarios of a run to the history. Raise ``OSError`` if the state folder cannot be written."""
    file = history_file(state)
    file.parent.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(asdict(history_entry(scenario, report, folder))) for scenario in report.scenarios]
    if not lines:
        return
    with open(file, "ab+", opener=open_private) as stream:
        if stream.seek(0, os.SEEK_END):
            stream.seek(-1, os.SEEK_END)
            # A run that was killed while it wrote may have left half a line; begin a new one.
            lines[:0] = [] if stream.read() == b"\n" else [""]
        # One write, so that lines of runs at the same time do not mix.
        os.write(stream.fileno(), ("\n".join(lines) + "\n").encode())


def history_entry(scenario: ScenarioReport, report: Report, folder: Path) -> Past:
    """Build the entry of the history for a scenario that has just run."""
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
        metrics=collect_metrics(scenario),
        steps=sum_step_seconds(scenario),
        report=str(folder),
        version=report.version,
        data=report.data,
    )


def _parse_entry(line: bytes) -> Past | None:
    """Parse a line; None if it is not valid. Members that only later versions know are ignored."""
    try:
        members = json.loads(line)
        past = Past(**{each.name: members[each.name] for each in fields(Past) if each.name in members})
    except (ValueError, TypeError, RecursionError):
        return None
    return past if _is_valid(past) else None


def _is_valid(past: Past) -> bool:
    texts = (past.run, past.profile, past.scenario, past.report, past.version, past.data)
    if not isinstance(past.metrics, dict) or not isinstance(past.steps, dict):
        return False
    numbers = (past.at, past.seconds, past.expectations, past.met, *past.metrics.values(), *past.steps.values())
    return (
        all(isinstance(text, str) for text in texts)
        and all(isinstance(number, (int, float)) and math.isfinite(number) for number in numbers)
        and 0 <= past.at < _LATEST
        and all(isinstance(flag, bool) for flag in (past.passed, past.interrupted, past.whole))
    )
