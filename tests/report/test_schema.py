"""What ``report.json`` holds is what its published schema says."""

from __future__ import annotations

import copy
import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError

from harness.report import Report, write_report
from harness.report.model import Evidence, Expectation, Resource, ScenarioReport, Step
from harness.report.write import SCHEMA, SCHEMA_ID, document
from tests.report.test_written import a_report

SCHEMA_DOCUMENT: dict[str, Any] = json.loads(SCHEMA.read_text())
VALIDATOR = Draft202012Validator(SCHEMA_DOCUMENT)


def test_the_schema_is_one_and_names_itself() -> None:
    Draft202012Validator.check_schema(SCHEMA_DOCUMENT)
    assert SCHEMA_DOCUMENT["$id"] == SCHEMA_ID


@pytest.mark.parametrize("passed", [True, False])
def test_a_report_is_valid(tmp_path: Path, passed: bool) -> None:
    write_report(a_report(passed), tmp_path)
    VALIDATOR.validate(json.loads((tmp_path / "report.json").read_text()))


def test_numbers_that_are_none_are_valid_json(tmp_path: Path) -> None:
    report = a_report()
    report.scenarios[0].resources[0] = dataclasses.replace(
        report.scenarios[0].resources[0], curves={"loss": [float("nan"), float("inf"), -float("inf"), 1.0]}
    )
    write_report(report, tmp_path)
    found = json.loads((tmp_path / "report.json").read_text(), parse_constant=pytest.fail)
    VALIDATOR.validate(found)
    assert found["scenarios"][0]["resources"][0]["curves"]["loss"] == ["NaN", "Infinity", "-Infinity", 1.0]


@pytest.mark.parametrize(
    ("published", "kind"),
    [("scenario", ScenarioReport), ("step", Step), ("expectation", Expectation), ("resource", Resource),
     ("evidence", Evidence)],
)  # fmt: skip
def test_every_member_is_published(published: str, kind: Any) -> None:
    members = [member.name for member in dataclasses.fields(kind)]
    described = SCHEMA_DOCUMENT["$defs"][published]
    assert sorted(described["properties"]) == sorted(described["required"]) == sorted(members)


def test_every_member_of_the_whole_is_published() -> None:
    assert set(document(a_report())) == set(SCHEMA_DOCUMENT["properties"]) == set(SCHEMA_DOCUMENT["required"])
    assert {member.name for member in dataclasses.fields(Report)} < set(SCHEMA_DOCUMENT["properties"])


def broken(change: str) -> dict[str, Any]:
    found = copy.deepcopy(json.loads(json.dumps(document(a_report()))))
    [scenario] = found["scenarios"]
    match change:
        case "a state of its own":
            scenario["steps"][0]["state"] = "maybe"
        case "no verdict":
            del scenario["passed"]
        case "a curve of words":
            scenario["resources"][0]["curves"]["auc"] = ["high"]
        case "a confusion of shares":
            scenario["evidence"][0]["content"]["confusion"] = [[0.5, 0.5]]
        case "a table without rows":
            del next(each for each in scenario["evidence"] if each["kind"] == "table")["content"]["rows"]
        case "another version":
            found["schema_version"] = 2
    return found


@pytest.mark.parametrize(
    "change",
    ["a state of its own", "no verdict", "a curve of words", "a confusion of shares", "a table without rows",
     "another version"],
)  # fmt: skip
def test_what_is_no_report_is_invalid(change: str) -> None:
    with pytest.raises(ValidationError):
        VALIDATOR.validate(broken(change))
