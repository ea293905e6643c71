"""``harness compare``: a run with the recording of AWS, or two runs, fact by fact."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.project import json_option, print_json, project_root, settings, state_option
from harness.kernel.errors import StateError

if TYPE_CHECKING:
    from harness.profiles.scenarios import Scenario
    from harness.report.comparison import ComparisonRules
    from harness.report.differences import ScenarioComparison


@click.command("compare")
@click.argument("runs", nargs=-1, metavar="[NAME | RUN] [RUN]")
@click.option("--tolerance", type=float, default=1e-6, show_default=True, help="Relative or absolute, for numbers.")
@click.option("--anyway", is_flag=True, help="Also compare what hangs on libraries of another release.")
@state_option
@json_option
def command(runs: tuple[str, ...], tolerance: float, anyway: bool, state: Path | None, as_json: bool) -> int:
    """Compare a run with what AWS found, or two runs: metrics, answers, artifacts, violations.

    With the name of a scenario its latest run here is compared with its recording of AWS; with one run every scenario
    of it; without anything all that is recorded. Two runs are compared with each other. A RUN is a report folder, a
    report.json, or the name of a folder in .harness/reports. Exit code 0 when they are the same, 1 when not, 3 when
    facts could not be compared because libraries are of other releases, 4 for a recording that was edited.
    """
    from harness.report.run_folders import REPORTS

    folder = settings(state=state).state
    if len(runs) > 2:
        raise click.UsageError("at most two runs can be compared")
    if len(runs) == 2:
        if anyway:
            raise click.UsageError("--anyway is for comparisons with recordings; two runs are compared as they are")
        return _two_runs(runs, folder / REPORTS, tolerance, as_json)
    return _with_recordings(runs, folder, tolerance, anyway, as_json)


def _two_runs(runs: Sequence[str], reports: Path, tolerance: float, as_json: bool) -> int:
    from harness.report.comparison import compare_scenarios

    left, right = (_report(_find_run(run, reports)) for run in runs)
    files = {scenario.name: scenario.file for scenario in _scenarios()}
    comparisons = compare_scenarios(
        left, right, lambda name: _allowed_differences(files.get(name), left, right, tolerance)
    )
    return _tell(comparisons, runs[0], runs[1], as_json)


def _allowed_differences(
    file: Path | None, left: Mapping[str, Any], right: Mapping[str, Any], tolerance: float
) -> ComparisonRules:
    """Return the allowed differences. Those that a scenario states of profiles hold for two different ones only."""
    from harness.profiles.comparison_rules import concessions_of
    from harness.report.comparison import ComparisonRules

    if file is None:
        return ComparisonRules(tolerance)
    stated, known = concessions_of(file), dict[str, str]()
    if left["profile"] != right["profile"]:
        for side in (right, left):
            known |= stated.reasons(side["profile"], _libraries(side, file.stem))
    return ComparisonRules(tolerance, stated.tolerances, known)


def _libraries(report: Mapping[str, Any], name: str) -> dict[str, str]:
    return next((dict(each.get("libraries", {})) for each in report["scenarios"] if each["name"] == name), {})


def _with_recordings(runs: Sequence[str], state: Path, tolerance: float, anyway: bool, as_json: bool) -> int:
    from harness.cli.recorded import on_aws, with_recording
    from harness.promotion.recordings import read_recording

    comparisons, sources, named = [], [], ""
    for scenario, path, report in _choose_reports(runs, state):
        recording = read_recording(scenario.file)
        if recording is None:
            continue
        played = next(each for each in report["scenarios"] if each["name"] == scenario.name)
        named = on_aws(recording)
        comparisons.append(with_recording(recording, played, scenario.file, report["profile"], tolerance, anyway))
        sources.append({"recording": recording.provenance.at, "run": str(path)})
    if not comparisons:
        example = runs[0] if runs else "NAME"
        raise StateError(
            "there is no recording of AWS to compare with",
            f"make one with `harness run {example} --profile aws --record`",
        )
    left = named if len(comparisons) == 1 else "AWS"
    right = f"run {Path(sources[0]['run']).name}" if len(comparisons) == 1 else "the run here"
    return _tell(comparisons, left, right, as_json, sources)


def _tell(
    comparisons: Sequence[ScenarioComparison],
    left: str,
    right: str,
    as_json: bool,
    sources: Sequence[Mapping[str, str]] = (),
) -> int:
    from harness.cli.recorded import exit_code, verdict
    from harness.report.comparison import format_comparisons

    if as_json:
        documents = [each.document() for each in comparisons]
        if sources:
            documents = [{**each, **source} for each, source in zip(documents, sources, strict=True)]
        equal = all(each.equal for each in comparisons)
        print_json({"equal": equal, "verdict": verdict(comparisons), "scenarios": documents})
    else:
        for line in format_comparisons(comparisons, left, right):
            click.echo(line)
        for source in dict.fromkeys(source["run"] for source in sources):
            click.echo(f"run: {source}")
    return exit_code(comparisons)


Chosen = tuple["Scenario", Path, dict[str, Any]]


def _choose_reports(runs: Sequence[str], state: Path) -> Iterator[Chosen]:
    """Scenarios, each with a report that holds it."""
    from harness.promotion.recordings import recording_file
    from harness.report.run_folders import REPORTS

    known = {scenario.name: scenario for scenario in _scenarios()}
    if not runs:
        names = [name for name, scenario in known.items() if recording_file(scenario.file).exists()]
    elif runs[0] in known:
        names = [runs[0]]
    else:
        path = _find_run(runs[0], state / REPORTS, or_else=tuple(known))
        report = _report(path)
        played = [known[each["name"]] for each in report["scenarios"] if each["name"] in known]
        yield from [(scenario, path, report) for scenario in played]
        return
    for name in names:
        path, report = _latest(name, state)
        yield known[name], path, report


def _latest(name: str, state: Path) -> tuple[Path, dict[str, Any]]:
    """The newest run of a scenario that was not on AWS. An older one is never used instead."""
    from harness.profiles import profiles_on_aws
    from harness.report.run_folders import REPORT, latest_run, run_folders

    on_aws = profiles_on_aws(project_root())
    newest = latest_run(state, name, on_aws)
    if newest is not None and newest.report and not (Path(newest.report) / REPORT).is_file():
        raise StateError(
            f"the report of the latest run of {name} ({newest.when}) is gone from {newest.report}",
            f"run it again with `harness run {name}`, or name the run to compare",
        )
    for folder in run_folders(state):
        if not (folder / REPORT).is_file():
            continue
        report = _report(folder)
        if report["profile"] not in on_aws and any(each["name"] == name for each in report["scenarios"]):
            return folder, report
    raise StateError(f"{name} was not run here yet", f"run it with `harness run {name}`")


def _scenarios() -> list[Scenario]:
    from harness.profiles.scenarios import discover

    return discover(project_root())


def _find_run(run: str, reports: Path, or_else: Sequence[str] = ()) -> Path:
    for path in (Path(run), reports / run):
        if path.exists():
            return path
    others = f"; scenarios: {', '.join(or_else)}" if or_else else ""
    raise click.BadParameter(f"there is no run {run!r}, neither as a path nor in {reports}{others}")


def _report(path: Path) -> dict[str, Any]:
    file = path / "report.json" if path.is_dir() else path
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        for scenario in document["scenarios"]:
            scenario["name"], scenario["steps"], scenario["resources"], scenario["evidence"]
        document.setdefault("profile", "")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise click.BadParameter(f"{path} is no report of `harness run` ({error})") from error
    return dict(document)
