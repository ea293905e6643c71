"""Follows scenarios while they run: folds their events into reports and tells the display. In one thread: it forks."""

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
from harness.profiles.target import RunningScenario, Target
from harness.profiles.workers import next_to_play
from harness.report import Report, ScenarioReport

POLL = 0.04
ASK_AGAIN_SECONDS, CLEAN_UP_SECONDS = 1.0, 60.0
LOG_TAIL = 40


@dataclass
class _Followed:
    """A scenario that runs. ``asked`` is when it was first asked to stop, ``told`` when last."""

    playing: RunningScenario
    report: ScenarioReport
    shown: ExitStack = field(default_factory=ExitStack)
    asked: float = 0.0
    told: float = 0.0


class Play:
    """``interrupted`` grows with every Ctrl-C: the first asks scenarios to end, the second kills them."""

    def __init__(
        self,
        place: Target,
        folder: Path,
        data: Path | None,
        display: Display,
        interrupted: Sequence[int],
        costs: Costs | None = None,
        workers: int = 1,
    ) -> None:
        self.display = display
        self._place = place
        self._folder = folder
        self._data = data
        self._interrupted = interrupted
        self._costs = costs
        self._workers = workers

    def all(self, scenarios: Sequence[Scenario], version: str) -> Report:
        begin = time.time()
        started = datetime.fromtimestamp(begin, tz=timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")
        reports = self._played(list(scenarios))
        played = [reports[scenario.file] for scenario in scenarios if scenario.file in reports]
        unplayed = [scenario.name for scenario in scenarios if scenario.file not in reports]
        seconds, data = time.time() - begin, str(self._data or "")
        return Report(version, self._place.name, self._place.address, started, seconds, played, data, unplayed)

    def _played(self, waiting: list[Scenario]) -> dict[Path, ScenarioReport]:
        running: list[_Followed] = []
        reports: dict[Path, ScenarioReport] = {}
        while running or (waiting and not self._interrupted):
            if len(running) < self._workers and not self._interrupted:
                scenario = next_to_play(waiting, [each.playing.scenario for each in running])
                if scenario is not None:
                    waiting.remove(scenario)
                    running.append(self._begun(scenario))
            for each in list(running):
                code = self._looked_at(each)
                if code is not None:
                    running.remove(each)
                    reports[each.playing.scenario.file] = self._ended(each, code)
            self.display.tick()
            time.sleep(POLL)
        return reports

    def _begun(self, scenario: Scenario) -> _Followed:
        python = self._place.prepare(scenario, self.display.note)
        playing = self._place.play(scenario, python, self._folder / scenario.name, self._data)
        report = ScenarioReport(scenario.name, scenario.title, scenario.sdk, playing.started)
        followed = _Followed(playing, report)
        followed.shown.enter_context(self.display.following(report))
        return followed

    def _ended(self, followed: _Followed, code: int) -> ScenarioReport:
        playing, report = followed.playing, followed.report
        self._take(followed)
        if code != 0 or not report.ended:
            report.close(time.time(), f"its program ended with code {code}")
        followed.shown.close()
        report.notices = playing.notices()
        if not report.passed:
            report.log_tail = [*map(mask_text, _tail(playing.log)), *report.notices]
        if self._costs and (cost := self._costs.evidence(report.name, self._folder)):
            report.evidence.append(cost)
        self.display.finished(report)
        return report

    def _looked_at(self, followed: _Followed) -> int | None:
        """Its exit code once it ended; until then it is asked to stop when that is wanted."""
        program = followed.playing.program
        if (code := program.code()) is not None:
            return code
        self._take(followed)
        now = time.monotonic()
        if self._interrupted and not followed.asked:
            followed.asked = now
            self.display.note("stopping: the scenario cleans up (Ctrl-C again to kill it)")
        if followed.asked and now - followed.told > ASK_AGAIN_SECONDS:
            # More than once, for one that was only just starting; a scenario that is stopping hears the first.
            followed.told = now
            program.terminate()
        if followed.asked and (len(self._interrupted) > 1 or now - followed.asked > CLEAN_UP_SECONDS):
            program.kill()
        return None

    def _take(self, followed: _Followed) -> None:
        for event in followed.playing.events.new():
            followed.report.fold(event)
            self.display.told(followed.report, event)


def _tail(log: Path) -> list[str]:
    return log.read_text(errors="replace").splitlines()[-LOG_TAIL:] if log.exists() else []
