"""Two reports compared: only what a run itself found counts, and every difference is named with both values."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from harness.promotion.teardown.run import STEP
from harness.report.comparison import ComparisonRules, compare_facts, compare_reports, format_comparisons
from harness.report.differences import agree
from harness.report.facts import TEARDOWN, scenario_facts
from harness.report.versions import different_releases


def record(asked: str, answer: str, name: str = "e") -> dict[str, Any]:
    return {
        "captureData": {
            "endpointInput": {"data": asked, "encoding": "CSV"},
            "endpointOutput": {"data": answer, "encoding": "CSV"},
        },
        "eventMetadata": {"eventId": name, "inferenceTime": f"2026-01-01T12:00:{len(name)}Z"},
    }


def report(
    name: str = "train-20260101-120000-ab12", auc: float = 0.75, account: str = "111122223333"
) -> dict[str, Any]:
    """What ``report.json`` holds of a run that trained, captured and monitored."""
    bucket = f"sagemaker-us-east-1-{account}"
    violation = {
        "feature_name": "AGE",
        "constraint_check_type": "baseline_drift_check",
        "description": f"s3://{bucket}/{name}/x of 2026-01-01T12:00:01Z: {auc / 3} exceeds 0.1",
    }
    statistics = {"features": [{"name": "AGE", "numerical_statistics": {"mean": 40.0 + auc, "sketch": [name]}}]}
    description = {
        "TrainingJobArn": f"arn:aws:sagemaker:us-east-1:{account}:training-job/{name}",
        "FinalMetricDataList": [{"MetricName": "auc", "Value": auc, "Timestamp": name}],
        "HyperParameters": {"depth": "5", "code": f"s3://{bucket}/{name}/code.tar.gz"},
        "AlgorithmSpecification": {"TrainingImage": "683313688378.dkr.ecr.us-east-1.amazonaws.com/xgb:3.0-5"},
    }
    resource = {
        "kind": "TrainingJob",
        "name": name,
        "status": "Completed",
        "curves": {"auc": [0.5, auc]},
        "description": description,
    }
    held = [{"name": "xgboost-model", "bytes": 1000, "kind": "ubjson"}]
    documents = {"violations": {"violations": [violation]}, "s": statistics}
    evidence = [
        {"kind": "capture", "title": "Captured", "content": {"records": [record("1,2", f"0.25\n{auc}", name)]}},
        {"kind": "monitoring", "title": "Hour", "content": documents},
        {"kind": "artifact", "title": "Violations", "content": {"uri": f"s3://{bucket}/{name}"}},
        {
            "kind": "artifact",
            "title": f"…/{name}/model.tar.gz",
            "content": {"uri": f"s3://{bucket}/x", "holds": held},
        },
        {"kind": "table", "title": "Scores", "content": {"columns": ["of", "auc"], "rows": [[name, auc], ["b", 1.0]]}},
        {
            "kind": "table",
            "title": "Earlier",
            "content": {"columns": [], "rows": [[name, auc, account]], "compared": False},
        },
    ]
    step = {"name": "Train", "state": "passed", "expectations": [{"text": name, "passed": True}]}
    scenario = {"name": "mine", "passed": True, "steps": [step], "resources": [resource], "evidence": evidence}
    return {"profile": "local", "scenarios": [scenario]}


def evidence(of: dict[str, Any], title: str) -> dict[str, Any]:
    (found,) = [each["content"] for each in of["scenarios"][0]["evidence"] if each["title"].endswith(title)]
    return dict(found)


def test_names_ids_times_and_accounts_are_no_differences() -> None:
    [found] = compare_reports(report(), report("train-20270202-010203-cd34", account="999988887777"))
    assert found.equal, list(format_comparisons([found], "a", "b"))
    assert found.same > 15


def test_numbers_agree_within_the_tolerance_also_in_answers() -> None:
    [found] = compare_reports(report(), report(auc=0.75 + 1e-9))
    assert found.equal
    [found] = compare_reports(report(), report(auc=0.76))
    assert {difference.fact.rsplit("/", 1)[-1] for difference in found.different} == {
        "auc", "1", "data", "mean", "baseline_drift_check"
    }  # fmt: skip
    assert compare_reports(report(), report(auc=0.76), tolerance=0.1)[0].equal


def test_a_tolerance_holds_for_the_facts_it_names() -> None:
    allowed = {"TrainingJob */metrics/*": 0.1}
    [found] = compare_reports(report(), report(auc=0.76), tolerances=allowed)
    facts = [difference.fact for difference in found.different]
    assert "TrainingJob 1/metrics/auc" not in facts
    assert "TrainingJob 1/curves/auc/1" in facts
    image = {"TrainingJob 1/image": "xgb:3.0"}
    assert not compare_facts("mine", image, {"TrainingJob 1/image": "xgb:3.1"}, ComparisonRules(0.5)).equal


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        ("0.5,1\n2", "0.50000000001, 1.0\n2.0\n", True),
        ("0.5,1", "0.5,1,2", False),
        ("Only 93.0% of data", "Only 93% of data", True),
        ("Only 93.0% of data", "Only 93.0% of rows", False),
        ("5", 5.0, False),
        (True, 1.0, False),
        (None, None, True),
    ],
)
def test_values_agree_by_what_they_mean(left: Any, right: Any, same: bool) -> None:
    assert agree(left, right, 1e-6) is same


def test_one_violation_more_is_named_and_shifts_nothing() -> None:
    other = report()
    found = other["scenarios"][0]["evidence"][1]["content"]["violations"]["violations"]
    found.insert(0, {"feature_name": "A", "constraint_check_type": "data_type_check", "description": "d"})
    [compared] = compare_reports(report(), other)
    assert list(map(str, compared.not_comparable)) == ["Hour/violations/A/data_type_check: on the right only"]
    assert not compared.different
    assert compared.verdict == "not comparable"


def test_captured_records_are_compared_by_what_was_asked_in_any_order() -> None:
    sides = [report(), report()]
    for side, order in zip(sides, ((0, 1, 2, 3), (2, 3, 0, 1)), strict=True):
        records = [record("1,2", "0.1"), record("1.0,2", "0.2"), record("3,4", "0.3"), record("5,6", "0.4")]
        side["scenarios"][0]["evidence"][0]["content"]["records"] = [records[number] for number in order]
    [found] = compare_reports(*sides)
    assert found.equal
    records = sides[1]["scenarios"][0]["evidence"][0]["content"]["records"]
    records.remove(record("3,4", "0.3"))
    [found] = compare_reports(*sides)
    assert [difference.fact for difference in found.different] == ["Captured/records/count"]
    assert {each.fact.split("/")[2].split("…")[0] for each in found.not_comparable} == {"3,4"}


def test_archives_are_compared_by_members_sizes_and_kinds() -> None:
    other = report()
    held = evidence(other, "model.tar.gz")["holds"][0]
    held["bytes"] = 1040
    assert compare_reports(report(), other)[0].equal
    held |= {"bytes": 3000, "kind": "pickle"}
    [found] = compare_reports(report(), other)
    place = "artifacts/…/train-<run 1>/model.tar.gz/xgboost-model"
    assert [difference.fact for difference in found.different] == [f"{place}/bytes", f"{place}/kind"]


def test_rows_of_a_table_are_compared_by_their_words() -> None:
    other = report()
    rows = evidence(other, "Scores")["rows"]
    rows.reverse()
    assert compare_reports(report(), other)[0].equal
    rows[0][1] = 2.0
    [found] = compare_reports(report(), other)
    assert [difference.fact for difference in found.different] == ["Scores/b/auc"]


def test_jobs_started_at_the_same_time_keep_their_numbers() -> None:
    sides = []
    for order in (1, -1):
        side = report()
        job = side["scenarios"][0]["resources"][0]
        jobs = [{**job, "name": f"{stem}-2026-01-01-12-00-0{n}-123", "status": stem} for n, stem in enumerate("ab")]
        side["scenarios"][0]["resources"] = jobs[::order]
        sides.append(side)
    assert compare_reports(*sides)[0].equal


def test_a_listed_difference_counts_as_none_and_says_why() -> None:
    [found] = compare_reports(report(), report(auc=0.76), known={"*": "another release"})
    assert found.equal
    assert "known difference: another release" in "\n".join(format_comparisons([found], "a", "b"))


def test_a_scenario_of_one_side_is_not_comparable() -> None:
    [found] = compare_reports(report(), {"scenarios": []})
    assert not found.equal
    assert list(map(str, found.not_comparable)) == ["the scenario: on the left only"]


def test_a_status_and_a_verdict_are_facts() -> None:
    other = copy.deepcopy(report())
    other["scenarios"][0]["resources"][0]["status"] = "Failed"
    other["scenarios"][0]["passed"] = False
    [found] = compare_reports(report(), other)
    assert [difference.fact for difference in found.different] == ["passed", "TrainingJob 1/status"]


def test_nothing_of_the_run_is_left_in_the_facts() -> None:
    facts = scenario_facts(report()["scenarios"][0])
    text = json.dumps(facts)
    for own in ("train-2026", "111122223333", "12:00", "us-east-1"):
        assert own not in text
    assert facts["TrainingJob 1/HyperParameters/code"] == "s3://<bucket 1>/train-<run 1>/code.tar.gz"


def test_equal_things_get_equal_references() -> None:
    side = report()
    side["scenarios"][0]["evidence"].append(
        {
            "kind": "answer",
            "title": "Who",
            "content": {
                "mine": "arn:aws:iam::111122223333:role/service/Run by 111122223333",
                "theirs": "444455556666",
                "again": "of 444455556666",
                "id": "x 0f8fad5b-d9cb-469f-a165-70867728950e y",
                "data": "444455556666,20260101120000,0.5",
                "short": "a Train of thought",
            },
        }
    )
    facts = scenario_facts(side["scenarios"][0])
    assert facts["Who/mine"] == "arn:aws:iam::<account 1>:role/<role 1> by <account 1>"
    assert (facts["Who/theirs"], facts["Who/again"]) == ("<account 3>", "of <account 3>")  # the second has the image
    assert facts["Who/id"] == "x <id 1> y"
    assert facts["Who/data"] == "444455556666,20260101120000,0.5"


def test_what_the_place_adds_is_no_fact_of_the_scenario() -> None:
    assert TEARDOWN == STEP
    other = report()
    other["scenarios"][0]["steps"].append({"name": TEARDOWN, "state": "passed", "expectations": []})
    bill = {"kind": "table", "title": "Billed", "step": TEARDOWN, "content": {"columns": ["x"], "rows": [["1"]]}}
    other["scenarios"][0]["evidence"].append(bill)
    assert compare_reports(report(), other)[0].equal


def test_words_begin_with_the_verdict_and_the_worst() -> None:
    left = {"a/small": 1.0, "b/big": 1.0, "b/word": "x", "c/gone": 1.0, "d/known": 1.0, "e": 1.0}
    right = {"a/small": 1.01, "b/big": 3.0, "b/word": "y", "d/known": 2.0, "e": 1.0}
    found = compare_facts("mine", left, right, ComparisonRules(known={"d/*": "so it is"}))
    assert list(format_comparisons([found], "AWS", "here")) == [
        "mine: different (1 facts agree, 3 differ, 1 not comparable, 1 known differences)",
        "  b:",
        "    ≠ b/word",
        "        AWS: 'x'",
        "        here: 'y'",
        "    ≠ b/big",
        "        AWS: 1.0",
        "        here: 3.0  (+2)",
        "  a:",
        "    ≠ a/small",
        "        AWS: 1.0",
        "        here: 1.01  (+0.01)",
        "  c:",
        "    ? c/gone: only in AWS",
        "  ~ d/known: known difference: so it is",
    ]
    many = compare_facts("mine", {f"a/{n}": 1.0 for n in range(30)}, {}, ComparisonRules())
    assert "… and 20 more (--json lists them all)" in "\n".join(format_comparisons([many], "AWS", "here"))


def test_what_hangs_on_another_release_is_set_aside() -> None:
    left = {"steps/Train": "passed", "J/metrics/auc": 0.7, "J/HyperParameters/n": "5", "C/data": "0.1\n0.2"}
    other = {"xgboost": "3.1.0", "sagemaker": "2.257.0", "numpy": "2.0"}
    releases = list(different_releases({"xgboost": "3.0.5", "sagemaker": "2.250.1", "pandas": "2"}, other))
    assert [release.library for release in releases] == ["xgboost"]
    found = compare_facts("mine", left, {**left, "C/data": "9"}, ComparisonRules(releases=releases))
    assert (found.verdict, found.same) == ("not comparable", 2)
    assert {each.fact for each in found.set_aside} == {"J/metrics/auc", "C/data"}
    [sdk] = different_releases({"sagemaker": "2.257.0"}, {"sagemaker": "3.1.0"})
    found = compare_facts("mine", left, left, ComparisonRules(releases=[sdk]))
    assert [each.fact for each in found.set_aside] == ["J/HyperParameters/n"]


@pytest.mark.parametrize(("auc", "code", "told"), [(0.75, 0, "mine: same"), (0.8, 1, "≠ TrainingJob 1/metrics/auc")])
def test_the_command_says_so_in_words_and_in_json(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    auc: float,
    code: int,
    told: str,
) -> None:
    from harness.cli import main

    monkeypatch.chdir(tmp_path)
    for side, value in (("left", 0.75), ("right", auc)):
        folder = tmp_path / ".harness" / "reports" / side
        folder.mkdir(parents=True)
        (folder / "report.json").write_text(json.dumps(report(auc=value)))
    for runs in (("left", "right"), (str(tmp_path / ".harness/reports/left"), "right", "--json")):
        with pytest.raises(SystemExit) as ended:
            main(["compare", *runs])
        assert ended.value.code == code
    out = capsys.readouterr().out
    assert told in out
    assert f'"equal": {str(code == 0).lower()}' in out


@pytest.mark.parametrize(("run", "told"), [("empty", "is no report of `harness run`"), ("none", "there is no run")])
def test_what_is_no_report_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], run: str, told: str
) -> None:
    from harness.cli import main

    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(SystemExit) as ended:
        main(["compare", run, run])
    assert ended.value.code == 2
    assert told in capsys.readouterr().err
