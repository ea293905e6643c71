"""Secrets of a run are in none of a report's files, and the files are their owner's alone."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from harness.kernel.masking import SHOW_ENVIRONMENT
from harness.report import Report, ScenarioReport, write_report
from harness.report.facts import scenario_facts
from harness.report.history import remember
from harness.scenario.events import EndEvent, EventReader, EventWriter, EvidenceEvent

DESCRIPTION = {
    "TrainingJobName": "job",
    "TrainingJobStatus": "Failed",
    "Environment": {"DB_PASSWORD": "CANARY", "MODE": "CANARY-MODE"},
    "HyperParameters": {"eta": "0.3", "api_key": "CANARY"},
    "FailureReason": "AlgorithmError: api_key=CANARY is wrong",
}


def played(folder: Path) -> ScenarioReport:
    """A scenario whose events were written and read as those of a real one."""
    writer = EventWriter(folder / "events.jsonl")
    content = {"description": DESCRIPTION, "log_tail": ["the password=CANARY is wrong"]}
    writer.write(EvidenceEvent(kind="TrainingJob", title="job", content=content))
    writer.write(EvidenceEvent(kind="own", title="mine", content={"access_token": "CANARY", "kept": "yes"}))
    writer.write(EndEvent(passed=False, traceback="ValueError: token='CANARY'"))
    writer.close()
    report = ScenarioReport("one", "One", "v2", 0.0)
    for event in EventReader(folder / "events.jsonl").new():
        report.fold(event)
    return report


@pytest.mark.parametrize("shown", [False, True])
def test_no_file_of_a_report_has_a_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shown: bool) -> None:
    monkeypatch.setenv(SHOW_ENVIRONMENT, "1" if shown else "")
    mask = os.umask(0o022)
    try:
        report = Report("0", "local", "http://127.0.0.1:1", "2026", 1.0, [played(tmp_path)])
        write_report(report, tmp_path)
        remember(report, tmp_path, tmp_path)
    finally:
        os.umask(mask)
    for file in tmp_path.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
        text = file.read_text()
        assert "CANARY" not in text.replace("CANARY-MODE", ""), file
        assert "CANARY-MODE" not in text or shown, file
    document = json.loads((tmp_path / "report.json").read_text())
    [resource] = document["scenarios"][0]["resources"]
    assert resource["description"]["Environment"]["MODE"] == ("CANARY-MODE" if shown else "***")
    assert resource["description"]["HyperParameters"] == {"eta": "0.3", "api_key": "***"}
    assert document["scenarios"][0]["evidence"][0]["content"]["kept"] == "yes"


def test_comparisons_mask_reports_that_were_written_without(tmp_path: Path) -> None:
    report = Report("0", "local", "", "2026", 1.0, [played(tmp_path)])
    write_report(report, tmp_path)
    document = json.loads((tmp_path / "report.json").read_text())
    [scenario] = document["scenarios"]
    scenario["resources"][0]["description"] = DESCRIPTION
    assert "CANARY" not in repr(scenario_facts(scenario))
