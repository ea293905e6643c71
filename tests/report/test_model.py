"""Events folded into a report."""

from __future__ import annotations

import json
from typing import Any

from harness.report.model import ScenarioReport
from harness.scenario.events import parse_event


def story(*events: dict[str, Any]) -> ScenarioReport:
    report = ScenarioReport("a", "A", "v2", started=100.0)
    for number, event in enumerate(events):
        parsed = parse_event(json.dumps({"at": 100.0 + number, **event}))
        assert parsed is not None
        report.fold(parsed)
    return report


def step(name: str, state: str, **more: Any) -> dict[str, Any]:
    return {"event": "step", "name": name, "state": state, **more}


def test_a_step_takes_from_its_start_to_its_end() -> None:
    report = story(
        step("One", "started"),
        {"event": "evidence", "kind": "text", "title": "t", "content": {}},
        step("One", "passed"),
    )
    (only,) = report.steps
    assert (only.name, only.state, only.started, only.seconds) == ("One", "passed", 100.0, 2.0)
    assert report.seconds == 2.0
    assert [evidence.title for evidence in report.evidence] == ["t"]


def test_expectations_belong_to_their_step() -> None:
    said = {"event": "expectation", "step": "One", "text": "so", "passed": False, "evidence": "not so"}
    report = story(step("One", "started"), said, step("One", "failed", error="so"))
    assert [(entry.text, entry.evidence) for entry in report.steps[0].expectations] == [("so", "not so")]
    assert report.failed_step is report.steps[0]


def test_an_expectation_outside_every_step_is_not_lost() -> None:
    report = story({"event": "expectation", "step": None, "text": "so", "passed": True})
    assert [(entry.name, len(entry.expectations)) for entry in report.steps] == [("Expectations", 1)]


def test_jobs_are_resources_with_their_own_times() -> None:
    description = {"TrainingJobStatus": "Completed", "TrainingStartTime": "2026-01-01 00:00:00+00:00"}
    content = {"description": description, "curves": {"auc": [1.0]}, "log_tail": ["line"]}
    report = story({"event": "evidence", "kind": "TrainingJob", "title": "job", "content": content})
    (job,) = report.resources
    assert (job.status, job.started, job.ended) == ("Completed", "2026-01-01 00:00:00+00:00", None)
    assert (job.curves, job.log_tail) == ({"auc": [1.0]}, ["line"])


def test_a_program_that_died_in_a_step_is_told() -> None:
    report = story(step("One", "started"))
    report.close(107.0, "its program ended with code 137")
    assert not report.passed
    assert (report.steps[0].state, report.steps[0].seconds) == ("failed", 7.0)
    assert report.steps[0].error == report.traceback == "its program ended with code 137"


def test_the_end_says_whether_it_passed() -> None:
    report = story({"event": "end", "passed": True, "interrupted": False, "traceback": ""})
    assert report.passed
    report.close(103.0, "its program ended with code 1")
    assert report.passed
