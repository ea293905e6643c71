"""Two reports compared: only what a run itself found counts, and every difference is named with both values."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from harness.report.comparison import compare_reports, in_words
from harness.report.facts import scenario_facts


def report(
    name: str = "train-20260101-120000-ab12", auc: float = 0.75, account: str = "111122223333"
) -> dict[str, Any]:
    """What ``report.json`` holds of a run that trained, captured and monitored."""
    record = {
        "captureData": {"endpointOutput": {"data": f"0.25\n{auc}", "encoding": "CSV"}},
        "eventMetadata": {"eventId": name, "inferenceTime": f"2026-01-01T12:00:{len(name)}Z"},
    }
    violation = {
        "feature_name": "AGE",
        "constraint_check_type": "baseline_drift_check",
        "description": f"s3://sagemaker-us-east-1-{account}/{name}/x of 2026-01-01T12:00:01Z",
    }
    statistics = {"features": [{"name": "AGE", "numerical_statistics": {"mean": 40.0 + auc}}]}
    resource = {
        "kind": "TrainingJob",
        "name": name,
        "status": "Completed",
        "curves": {"auc": [0.5, auc]},
        "description": {"FinalMetricDataList": [{"MetricName": "auc", "Value": auc, "Timestamp": name}]},
    }
    evidence = [
        {"kind": "capture", "title": "Captured", "content": {"records": [record]}},
        {
            "kind": "monitoring",
            "title": "Hour",
            "content": {"violations": {"violations": [violation]}, "s": statistics},
        },
        {"kind": "artifact", "title": "Model", "content": {"uri": f"s3://b/{name}"}},
    ]
    step = {"name": "Train", "state": "passed", "expectations": [{"text": name, "passed": True}]}
    scenario = {"name": "mine", "passed": True, "steps": [step], "resources": [resource], "evidence": evidence}
    return {"scenarios": [scenario]}


def test_names_ids_times_and_accounts_are_no_differences() -> None:
    [found] = compare_reports(report(), report("train-20270202-010203-cd34", account="999988887777"))
    assert found.equal
    assert found.same > 8


def test_numbers_agree_within_the_tolerance_also_in_answers() -> None:
    [found] = compare_reports(report(), report(auc=0.75 + 1e-9))
    assert found.equal
    [found] = compare_reports(report(), report(auc=0.76))
    assert {difference.fact.rsplit("/", 1)[-1] for difference in found.different} == {"auc", "1", "data", "mean"}
    assert compare_reports(report(), report(auc=0.76), tolerance=0.1)[0].equal


def test_one_violation_more_is_named_and_shifts_nothing() -> None:
    other = report()
    found = other["scenarios"][0]["evidence"][1]["content"]["violations"]["violations"]
    found.insert(0, {"feature_name": "A", "constraint_check_type": "data_type_check", "description": "d"})
    [compared] = compare_reports(report(), other)
    assert compared.not_comparable == ["Hour/violations/A/data_type_check: on the right only"]
    assert not compared.different


def test_a_listed_difference_counts_as_none_and_says_why() -> None:
    [found] = compare_reports(report(), report(auc=0.76), known={"*": "another release"})
    assert found.equal
    assert "known difference: another release" in "\n".join(in_words([found], "a", "b"))


def test_a_scenario_of_one_side_is_not_comparable() -> None:
    [found] = compare_reports(report(), {"scenarios": []})
    assert not found.equal
    assert found.not_comparable == ["the scenario was run on the left only"]


def test_a_status_and_a_verdict_are_facts() -> None:
    other = copy.deepcopy(report())
    other["scenarios"][0]["resources"][0]["status"] = "Failed"
    other["scenarios"][0]["passed"] = False
    [found] = compare_reports(report(), other)
    assert [difference.fact for difference in found.different] == ["passed", "TrainingJob 1/status"]


def test_nothing_of_the_run_is_left_in_the_facts() -> None:
    text = json.dumps(scenario_facts(report()["scenarios"][0]))
    for own in ("train-2026", "111122223333", "12:00"):
        assert own not in text


@pytest.mark.parametrize(("auc", "code", "told"), [(0.75, 0, "mine: same"), (0.8, 1, "≠ TrainingJob 1/metrics/auc")])
def test_the_command_says_so_in_words_and_in_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], auc: float, code: int, told: str
) -> None:
    from harness.cli import main

    for side, value in (("left", 0.75), ("right", auc)):
        (tmp_path / side).mkdir()
        (tmp_path / side / "report.json").write_text(json.dumps(report(auc=value)))
    for option in ([], ["--json"]):
        with pytest.raises(SystemExit) as ended:
            main(["compare", str(tmp_path / "left"), str(tmp_path / "right"), *option])
        assert ended.value.code == code
    out = capsys.readouterr().out
    assert told in out
    assert f'"equal": {str(code == 0).lower()}' in out


def test_what_is_no_report_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from harness.cli import main

    with pytest.raises(SystemExit) as ended:
        main(["compare", str(tmp_path), str(tmp_path)])
    assert ended.value.code == 2
    assert "is no report of `harness run`" in capsys.readouterr().err
