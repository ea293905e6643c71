"""Plays scenarios: starts them, adds their events to reports, and updates the display. In one thread, as it forks."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

from harness.cli.costs import Costs
from harness.cli.progress import Display
from harness.kernel.masking import mask_text
from harness.profiles.scenarios import Scenario
from harness.profiles.target import OpenProfile, RunningScenario
from harness.profiles.workers import next_to_play
from harness.report import Report, ScenarioReport

POLL = 0.04
ASK_AGAIN_SECONDS, CLEAN_UP_SECONDS = 1.0, 60.0
LOG_TAIL = 40


@dataclass
class _Running:
    """A scenario that runs, with the times of the first and the last request to stop it."""

    scenario: RunningScenario
    report: ScenarioReport
    shown: ExitStack = field(default_factory=ExitStack)
    first_request: float = 0.0
    last_request: float = 0.0


class Play:
    """Plays the scenarios of one run. ``interrupted`` grows with every Ctrl-C: the first stops, the second kills."""

    def __init__(
        self,
        profile: OpenProfile,
        folder: Path,
        data: Path | None,
        display: Display,
        interrupted: Sequence[int],
        costs: Costs | None = None,
        workers: int = 1,
    ) -> None:
        self.display = display
        self._profile = profile
        self._folder = folder
        self._data = data
        self._interrupted = interrupted
        self._costs = costs
        self._workers = workers

    def all(self, scenarios: Sequence[Scenario], version: str) -> Report:
        """Play all scenarios and return their report."""
        begin = time.time()
        started = datetime.fromtimestamp(begin, tz=timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")
        reports = self._play(list(scenarios))
        played = [reports[scenario.file] for scenario in scenarios if scenario.file in reports]
        unplayed = [scenario.name for scenario in scenarios if scenario.file not in reports]
        seconds, data = time.time() - begin, str(self._data or "")
        return Report(version, self._profile.name, self._profile.address, started, seconds, played, data, unplayed)

    def _play(self, waiting: list[Scenario]) -> dict[Path, ScenarioReport]:
        running: list[_Running] = []
        reports: dict[Path, ScenarioReport] = {}
        try:
            while running or (waiting and not self._interrupted):
                if len(running) < self._workers and not self._interrupted:
                    scenario = next_to_play(waiting, [each.scenario.scenario for each in running])
                    if scenario is not None:
                        waiting.remove(scenario)
                        running.append(self._begin(scenario))
                for each in list(running):
                    code = self._look_at(each)
                    if code is not None:
                        running.remove(each)
                        reports[each.scenario.scenario.file] = self._end(each, code)
                self.display.tick()
                time.sleep(POLL)
        finally:
            for each in running:  # given up by a third Ctrl-C
                each.scenario.folder.remove_document()
        return reports

    def _begin(self, scenario: Scenario) -> _Running:
        python = self._profile.prepare(scenario, self.display.note)
        started = self._profile.play(scenario, python, self._folder / scenario.name, self._data)
        report = ScenarioReport(scenario.name, scenario.title, scenario.sdk, started.started)
        running = _Running(started, report)
        running.shown.enter_context(self.display.follow(report))
        return running

    def _end(self, running: _Running, code: int) -> ScenarioReport:
        scenario, report = running.scenario, running.report
        self._take(running)
        scenario.folder.remove_document()
        if code != 0 or not report.ended:
            report.close(time.time(), f"its program ended with code {code}")
        running.shown.close()
        report.notices = scenario.notices()
        if not report.passed:
            report.log_tail = [*map(mask_text, _tail(scenario.log)), *report.notices]
        if self._costs and (cost := self._costs.evidence(report.name, self._folder)):
            report.evidence.append(cost)
        self.display.finish(report)
        return report

    def _look_at(self, running: _Running) -> int | None:
        """Return the exit code of a scenario that ended; stop one that runs after Ctrl-C."""
        program = running.scenario.program
        if (code := program.code()) is not None:
            return code
        self._take(running)
        now = time.monotonic()
        if self._interrupted and not running.first_request:
            running.first_request = now
            self.display.note("stopping: the scenario cleans up (Ctrl-C again to kill it)")
        if running.first_request and now - running.last_request > ASK_AGAIN_SECONDS:
            # More than once, for one that was only just starting; a scenario that is stopping hears the first.
            running.last_request = now
            program.terminate()
        if running.first_request and (len(self._interrupted) > 1 or now - running.first_request > CLEAN_UP_SECONDS):
            program.kill()
        return None

    def _take(self, running: _Running) -> None:
        for event in running.scenario.events.new():
            running.report.fold(event)
            self.display.show(running.report, event)


def _tail(log: Path) -> list[str]:
    return log.read_text(errors="replace").splitlines()[-LOG_TAIL:] if log.exists() else []
