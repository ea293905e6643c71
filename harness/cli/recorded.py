"""Recordings of AWS at the command line: makes them after runs there, and compares runs elsewhere with them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli import FAILED, PASSED, REFUSED, UNFIT
from harness.kernel.errors import GuardRefused, StateError
from harness.promotion.recordings import (
    Provenance,
    Recording,
    digest_of,
    read_recording,
    record_pass,
    recording_file,
    write_recording,
)
from harness.report.comparison import TOLERANCE, ComparisonRules, compare_facts, format_comparisons
from harness.report.differences import DIFFERENT, NOT_COMPARABLE, SAME, ScenarioComparison
from harness.report.facts import Fact, scenario_facts
from harness.report.versions import different_releases
from harness.scenario.run_folder import RunFolder

if TYPE_CHECKING:
    from harness.profiles.scenarios import Scenario
    from harness.promotion.destination import Destination
    from harness.report import Report

EVIDENCE = "Compared with AWS"
_ROWS, _CELL = 50, 200


@dataclass
class Recorder:
    """The options ``--record`` and ``--compare`` of a run, and their results."""

    record: bool
    compare: bool
    comparisons: list[ScenarioComparison] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    """What to tell at the end."""
    refused: bool = False
    """Whether what was to be recorded was not; the run and its report stand all the same."""

    def check(self, scenarios: Sequence[Scenario], destination: Destination | None, data: Path | None) -> None:
        """Before anything runs: what cannot be recorded or compared is refused now."""
        if data is not None and (self.record or self.compare):
            raise click.UsageError("--record and --compare are for the scenario's own data; leave out --data")
        if self.record and destination is None:
            raise GuardRefused("recordings are made by runs on AWS only", "use --record with a profile of kind aws")
        from harness.profiles.comparison_rules import concessions_of

        if self.record or self.compare:
            for scenario in scenarios:
                concessions_of(scenario.file)
        if self.compare:
            found = [scenario for scenario in scenarios if read_recording(scenario.file)]
            if not found:
                raise _no_recording(scenarios)

    def take(
        self, report: Report, scenarios: Sequence[Scenario], destination: Destination | None, folder: Path
    ) -> None:
        """After the run, before its report is written: the comparison becomes part of it."""
        from harness.report.write import document

        plain = json.loads(json.dumps(document(report), default=str))
        files = {scenario.name: scenario.file for scenario in scenarios}
        for played, scenario in zip(report.scenarios, plain["scenarios"], strict=True):
            file = files[played.name]
            if self.compare:
                self._compare(played, scenario, file, report.profile)
            if destination is not None and played.passed:
                at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
                if self.record:
                    self._try_to_record(scenario, file, destination, report, folder, at)
                record_pass(file, at, destination.region)
            elif self.record:
                self.lines.append(f"{played.name}: not recorded, as it did not pass")

    def code(self) -> int:
        return exit_code(self.comparisons) or (REFUSED if self.refused else PASSED)

    def _try_to_record(
        self, scenario: Mapping[str, Any], file: Path, destination: Destination, report: Report, folder: Path, at: str
    ) -> None:
        try:
            self._record(scenario, file, destination, report, folder, at)
        except (GuardRefused, OSError) as error:  # a run that cost money keeps its report
            self.refused = True
            self.lines.append(f"{scenario['name']}: not recorded: {error}")

    def _compare(self, played: Any, scenario: Mapping[str, Any], file: Path, profile: str) -> None:
        from harness.report.model import Evidence

        recording = read_recording(file)
        if recording is None or not played.passed:
            why = "there is no recording of it" if recording is None else "it did not pass"
            self.lines.append(f"{played.name}: not compared with AWS: {why}")
            return
        comparison = with_recording(recording, scenario, file, profile)
        self.comparisons.append(comparison)
        self.lines += format_comparisons([comparison], on_aws(recording), "this run")
        content = evidence_of(comparison, on_aws(recording))
        played.evidence.append(Evidence("table", f"{EVIDENCE}: {comparison.verdict}", None, content))

    def _record(
        self, scenario: Mapping[str, Any], file: Path, destination: Destination, report: Report, folder: Path, at: str
    ) -> None:
        from harness.profiles.comparison_rules import concessions_of
        from harness.promotion.destination import owner

        stated = concessions_of(file)
        provenance = Provenance(
            at=at,
            profile=report.profile,
            region=destination.region,
            harness=report.version,
            sdk=scenario["sdk"],
            libraries=scenario["libraries"],
            events=digest_of(RunFolder(folder / scenario["name"]).events),
            source=digest_of(file),
        )
        recording = Recording(
            scenario["name"], provenance, scenario_facts(scenario), stated.tolerances, stated.document()
        )
        write_recording(recording, recording_file(file), (destination.account_id, owner()))
        self.lines.append(f"{scenario['name']}: recorded {len(recording.facts)} facts in {recording_file(file)}")


def with_recording(
    recording: Recording,
    scenario: Mapping[str, Any],
    file: Path,
    profile: str,
    tolerance: float = TOLERANCE,
    anyway: bool = False,
) -> ScenarioComparison:
    """One scenario of a report beside what AWS found, which is the left side. Its file says what may differ."""
    from harness.profiles.comparison_rules import concessions_of

    stated, libraries = concessions_of(file), scenario.get("libraries", {})
    releases = list(different_releases(recording.provenance.libraries, libraries))
    allowed = ComparisonRules(
        tolerance, stated.tolerances, stated.reasons(profile, libraries), () if anyway else tuple(releases)
    )
    comparison = compare_facts(recording.scenario, recording.facts, scenario_facts(scenario), allowed)
    if digest_of(file) != recording.provenance.source:
        comparison.notes.append("the scenario's file has changed since it was recorded")
    for release in releases:
        comparison.notes.append(
            f"the recording was made with {release.library} {release.left}, this run with {release.right}: install "
            f"{release.left}, or record it again"
        )
    return comparison


def on_aws(recording: Recording) -> str:
    return f"AWS on {recording.day}"


def exit_code(comparisons: Sequence[ScenarioComparison]) -> int:
    """1 when something differs or is missing; 3 when other releases alone kept facts from being compared."""
    if any(each.unknown or each.not_comparable for each in comparisons):
        return FAILED
    return UNFIT if any(each.set_aside for each in comparisons) else PASSED


def verdict(comparisons: Sequence[ScenarioComparison]) -> str:
    found = {each.verdict for each in comparisons}
    return next((word for word in (DIFFERENT, NOT_COMPARABLE) if word in found), SAME)


def evidence_of(comparison: ScenarioComparison, left: str) -> dict[str, Any]:
    """Return the comparison as a table of the report, which is itself no fact to compare."""
    rows = list(_rows(comparison))
    return {
        "columns": ["Verdict", "Fact", left, "This run", "Why"],
        "rows": rows[:_ROWS] or [[SAME, f"{comparison.same} facts agree", None, None, ""]],
        "compared": False,
        "comparison": comparison.document(),
    }


def _rows(comparison: ScenarioComparison) -> Iterator[list[Any]]:
    for difference in (*comparison.unknown, *comparison.known):
        word = "known difference" if difference.known else DIFFERENT
        yield [word, difference.fact, _cell(difference.left), _cell(difference.right), difference.known]
    for each in (*comparison.not_comparable, *comparison.set_aside):
        yield [NOT_COMPARABLE, each.fact, None, None, each.why]


def _cell(value: Fact) -> Fact:
    return f"{value[:_CELL]}…" if isinstance(value, str) and len(value) > _CELL else value


def _no_recording(scenarios: Sequence[Scenario]) -> StateError:
    names = ", ".join(scenario.name for scenario in scenarios)
    return StateError(
        f"there is no recording of {names} to compare with",
        f"make one with `harness run {scenarios[0].name} --profile aws --record`",
    )
