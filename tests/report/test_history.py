"""The history of runs, its trends, and ``harness history``."""

from __future__ import annotations

import dataclasses
import json
import threading
from pathlib import Path
from typing import Any

import pytest

from harness.cli import main
from harness.report.history import Past, history_entry, history_file, last_results, read_history, remember
from harness.report.model import Report
from harness.report.trends import blocks, step_trends, trends
from harness.report.write import write_report
from tests.projects import Project, standing_in
from tests.report.test_written import a_report


def past(seconds: float = 1.0, passed: bool = True, **more: Any) -> Past:
    given: dict[str, Any] = {"run": "r", "at": 1795341600.0, "profile": "local", "scenario": "mine"}
    return Past(**{**given, "passed": passed, "seconds": seconds, **more})


def write(state: Path, *runs: Past) -> None:
    state.mkdir(exist_ok=True)
    (state / "history.jsonl").write_text("".join(json.dumps(dataclasses.asdict(run)) + "\n" for run in runs))


def history(state: Path, *arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["history", "--state", str(state), *arguments])
    assert isinstance(ended.value.code, int)
    return ended.value.code


def test_a_run_is_remembered_with_its_numbers(tmp_path: Path) -> None:
    for passed in (True, False):
        remember(a_report(passed), tmp_path / "report", tmp_path / "state")
    first, second = read_history(tmp_path / "state").runs
    assert (first.scenario, first.profile, first.passed, first.seconds) == ("credit", "local", True, 5.0)
    assert (first.expectations, first.met, first.steps) == (1, 1, {"One": 2.0})
    assert first.metrics == {"validation:auc": 0.77, "Scores: accuracy": 0.85}
    assert first.report == str(tmp_path / "report")
    assert (second.passed, second.expectations, second.met) == (False, 2, 1)
    assert last_results(tmp_path / "state") == {"credit": second}


def test_corrupt_lines_are_skipped_and_counted(tmp_path: Path) -> None:
    write(tmp_path, past(), past())
    good = (tmp_path / "history.jsonl").read_bytes()
    bad = [b"{", b"[]", b"null", b'{"run": "r"}', b"\xff\xfe", good.splitlines()[0].replace(b"1.0", b'"long"'),
           good.splitlines()[0].replace(b"1795341600.0", b"1e300"), good.splitlines()[0].replace(b"{}", b"[1]", 1),
           b"[" * 100_000]  # fmt: skip
    (tmp_path / "history.jsonl").write_bytes(good + b"\n".join(bad) + b"\n\n" + good)
    found = read_history(tmp_path)
    assert (len(found.runs), found.corrupt) == (4, len(bad))


def test_members_of_later_versions_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / "history.jsonl").write_text(json.dumps({**dataclasses.asdict(past()), "colour": "red"}) + "\n")
    assert read_history(tmp_path).runs == (past(),)


def test_half_a_line_of_a_killed_run_spoils_no_other(tmp_path: Path) -> None:
    (tmp_path / "history.jsonl").write_text('{"run": "half')
    remember(a_report(), tmp_path, tmp_path)
    found = read_history(tmp_path)
    assert (len(found.runs), found.corrupt) == (1, 1)


def test_runs_at_the_same_time_do_not_mix(tmp_path: Path) -> None:
    def many() -> None:
        for _ in range(20):
            remember(a_report(), tmp_path, tmp_path)

    workers = [threading.Thread(target=many) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    found = read_history(tmp_path)
    assert (len(found.runs), found.corrupt) == (80, 0)


def test_a_run_of_pytest_is_remembered_where_the_project_remembers(tmp_path: Path) -> None:
    state = tmp_path / ".harness"
    assert history_file(state / "pytest" / "gw0") == history_file(state) == state / "history.jsonl"
    assert history_file(tmp_path / "pytest" / "x") == tmp_path / "pytest" / "x" / "history.jsonl"


def test_a_trend_is_the_last_beside_the_median_of_ten_before() -> None:
    runs = [past(seconds=100.0, metrics={"auc": 0.1})] * 5 + [
        past(seconds=float(at), metrics={"auc": 0.5}) for at in range(1, 11)
    ]
    duration, auc = trends([*runs, past(seconds=1e6, passed=False), past(seconds=11.0, metrics={"auc": 0.6})])
    assert (duration.last, duration.median, duration.change) == (11.0, 5.5, 1.0)
    assert (auc.name, auc.last, auc.median, auc.change) == ("auc", 0.6, 0.5, pytest.approx(0.2))
    assert len(duration.values) == 11
    assert trends([past(passed=False)]) == []
    (only,) = trends([past()])
    assert (only.median, only.change) == (None, None)


def test_a_run_that_replayed_or_reused_measures_no_duration() -> None:
    runs = [past(10.0, steps={"Train": 9.0}), past(0.5, whole=False, metrics={"auc": 0.5}, steps={"Train": 0.1})]
    duration, auc = trends(runs)
    assert (duration.last, auc.last) == (10.0, 0.5)
    assert [trend.last for trend in step_trends(runs)] == [9.0]
    assert trends([past(whole=False)]) == []
    report = a_report()
    report.scenarios[0].steps[0] = dataclasses.replace(report.scenarios[0].steps[0], reused=["a-job"])
    assert not history_entry(report.scenarios[0], report, Path()).whole


def test_a_run_on_other_data_is_no_measure(tmp_path: Path) -> None:
    report = dataclasses.replace(a_report(), data="/mine.csv")
    remember(report, tmp_path / "report", tmp_path)
    (own,) = read_history(tmp_path).runs
    assert own.data == "/mine.csv"
    runs = [past(2.0, steps={"Train": 1.0}), past(9.0, data="/mine.csv", steps={"Train": 8.0}), past(3.0)]
    assert [trend.values for trend in trends(runs)] == [(2.0, 3.0)]
    assert [trend.values for trend in step_trends(runs[:2])] == [(8.0,)]
    page = write_report(report, tmp_path / "report").read_text()
    assert "data /mine.csv" in page


def test_steps_have_trends_of_their_own() -> None:
    (trend,) = step_trends([past(steps={"Train": 2.0, "Gone": 1.0}), past(steps={"Train": 3.0})])
    assert (trend.name, trend.last, trend.median) == ("Train", 3.0, 2.0)


def test_blocks_go_from_low_to_high() -> None:
    assert blocks([1, 2, 3]) == "▁▅█"
    assert blocks([2, 2]) == "▄▄"


def test_the_command_prints_trends_and_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(
        tmp_path,
        past(2.0, metrics={"auc": 0.5}, steps={"Train": 1.0}),
        past(4.0, metrics={"auc": 0.5}, steps={"Train": 3.0}, report="/where"),
        past(9.0, profile="aws"),
        past(1.0, scenario="other\x1b[31m", passed=False),
    )
    assert history(tmp_path) == 0
    out = capsys.readouterr().out
    assert "mine (profile local): 2 runs, 2 passed; the last passed at 2026-11-22 10:00 UTC" in out
    assert " ".join(next(line for line in out.splitlines() if "duration" in line).split()) == (
        "duration 4.0 s 2.0 s +100.0% ▁█"
    )
    assert "mine (profile aws): 1 run, 1 passed" in out
    assert "other (profile local): 1 run, 0 passed; the last FAILED" in out
    assert "/where" not in out
    assert history(tmp_path, "mine", "--profile", "local") == 0
    out = capsys.readouterr().out
    assert "Train" in out
    assert "/where" in out
    assert "aws" not in out


def test_the_command_gives_json_and_says_what_it_skipped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, past(2.0), past(3.0))
    with (tmp_path / "history.jsonl").open("a") as stream:
        stream.write("garbage\n")
    assert history(tmp_path, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["corrupt_lines"] == 1
    [mine] = found["scenarios"]
    assert (mine["scenario"], len(mine["runs"]), mine["trends"][0]["change"]) == ("mine", 2, 0.5)
    assert history(tmp_path) == 0
    assert "1 line of the history could not be read" in capsys.readouterr().err


def test_no_history_and_an_unknown_scenario(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert history(tmp_path) == 0
    assert "No runs are remembered" in capsys.readouterr().out
    write(tmp_path, past())
    assert history(tmp_path, "yours") == 2
    assert "known: mine" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_is_an_error_of_the_machine(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        remember(Report("0", "local", "", "", 0.0, a_report().scenarios), tmp_path, tmp_path / "file")


def test_harness_run_remembers_what_it_played(tmp_path: Path) -> None:
    with standing_in(Project(tmp_path), started=True) as project:
        project.scenario("good", "with session.step('Say'):\n    print('hello')\n")
        project.scenario("bad", "with session.step('Break'):\n    raise ValueError('no such luck')\n")
        assert project.run("run", "good", "--report-dir", "first").returncode == 0
        assert project.run("run", "--report-dir", "second").returncode == 1
        runs = {each["scenario"]: each["runs"] for each in project.json("history")["scenarios"]}
        assert [past["report"] for past in runs["good"]] == [str(tmp_path / "first"), str(tmp_path / "second")]
        assert [past["passed"] for past in runs["bad"]] == [False]
        assert runs["good"][0]["steps"].keys() >= {"Import the SDK", "Say"}
        assert "Over the last runs" in (tmp_path / "second" / "report.html").read_text()
