"""Follows scenarios while they run: folds their events into reports and tells the display."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

from harness.cli.costs import Costs
from harness.cli.progress import Display
from harness.profiles.place import Place, Playing
from harness.profiles.scenarios import Scenario
from harness.report import Report, ScenarioReport

POLL = 0.04
ASK_AGAIN_SECONDS, CLEAN_UP_SECONDS = 1.0, 60.0
LOG_TAIL = 40


class Play:
    """``interrupted`` grows with every Ctrl-C: the first asks the scenario to end, the second kills it."""

    def __init__(
        self,
        place: Place,
        folder: Path,
        data: Path | None,
        display: Display,
        interrupted: Sequence[int],
        costs: Costs | None = None,
    ) -> None:
        self.display = display
        self._place = place
        self._folder = folder
        self._data = data
        self._interrupted = interrupted
        self._costs = costs

    def all(self, scenarios: Sequence[Scenario], version: str) -> Report:
        begin = time.time()
        started = datetime.fromtimestamp(begin, tz=timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")
        played = [self._one(scenario) for scenario in scenarios if not self._interrupted]
        return Report(version, self._place.name, self._place.address, started, time.time() - begin, played)

    def _one(self, scenario: Scenario) -> ScenarioReport:
        python = self._place.prepare(scenario, self.display.note)
        # The program is forked before the display starts its thread.
        playing = self._place.play(scenario, python, self._folder / scenario.name, self._data)
        report = ScenarioReport(scenario.name, scenario.title, scenario.sdk, playing.started)
        with self.display.following(report):
            code = self._follow(playing, report)
        self._take(playing, report)
        if code != 0 or not report.ended:
            report.close(time.time(), f"its program ended with code {code}")
        report.notices = playing.notices()
        if not report.passed:
            report.log_tail = [*_tail(playing.log), *report.notices]
        if self._costs and (cost := self._costs.evidence(scenario.name, self._folder)):
            report.evidence.append(cost)
        self.display.finished(report)
        return report

    def _follow(self, playing: Playing, report: ScenarioReport) -> int:
        asked = told = 0.0
        while (code := playing.program.code()) is None:
            self._take(playing, report)
            now = time.monotonic()
            if self._interrupted and not asked:
                asked = now
                self.display.note("stopping: the scenario cleans up (Ctrl-C again to kill it)")
            if asked and now - told > ASK_AGAIN_SECONDS:
                # More than once, for one that was only just starting; a scenario that is stopping hears the first.
                told = now
                playing.program.terminate()
            if asked and (len(self._interrupted) > 1 or now - asked > CLEAN_UP_SECONDS):
                playing.program.kill()
            time.sleep(POLL)
        return code

    def _take(self, playing: Playing, report: ScenarioReport) -> None:
        for event in playing.events.new():
            report.fold(event)
            self.display.told(report, event)


def _tail(log: Path) -> list[str]:
    return log.read_text(errors="replace").splitlines()[-LOG_TAIL:] if log.exists() else []
