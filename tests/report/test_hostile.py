"""Whatever a scenario, a log or a service says: the page stays a page, of bounded size, and runs nothing of it."""

from __future__ import annotations

import copy
import dataclasses
import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from harness.report import Report, write_report
from harness.report.model import Evidence, Expectation, ScenarioReport, Step
from tests.report.test_written import a_report

EVIL = "\"'></style></title><script>alert(1)</script><img src=x onerror=alert(1)>{{ 7*7 }}"
DANGEROUS = ("script", "img", "iframe", "object", "embed", "link", "base", "form")


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append(tag)
        self.attributes += attrs


def poisoned(value: Any, key: str = "") -> Any:
    """The same, with evil in every text that is not a word harness itself chose."""
    if isinstance(value, str):
        kept = key in ("kind", "state", "sdk", "started", "ended", "inferred_type", "encoding")
        return value if kept else value + EVIL
    if isinstance(value, dict):
        return {
            name if not isinstance(value[name], list) or key != "curves" else name + EVIL: poisoned(value[name], name)
            for name in value
        }
    if isinstance(value, list):
        return [poisoned(inner, key) for inner in value]
    return value


def poisoned_report(passed: bool) -> Report:
    report = a_report(passed)
    [clean] = report.scenarios
    scenario = ScenarioReport(
        clean.name + EVIL, clean.title + EVIL, clean.sdk, clean.started, clean.seconds, clean.passed, True,
        traceback=poisoned(clean.traceback), log_tail=[EVIL], notices=[EVIL],
        steps=[Step(each.name + EVIL, each.started, each.seconds, each.state, poisoned(each.error),
                    [Expectation(EVIL, one.passed, EVIL) for one in each.expectations]) for each in clean.steps],
        resources=[dataclasses.replace(each, name=each.name + EVIL, status=each.status + EVIL, log_tail=[EVIL],
                                       description=poisoned(each.description), curves=poisoned(each.curves, "curves"))
                   for each in clean.resources],
        evidence=[Evidence(each.kind, each.title + EVIL, each.step, poisoned(copy.deepcopy(each.content)))
                  for each in clean.evidence],
    )  # fmt: skip
    return Report(report.version + EVIL, EVIL, "javascript:alert(1)//" + EVIL, EVIL, report.seconds, [scenario])


@pytest.mark.parametrize("passed", [True, False])
def test_nothing_that_is_told_becomes_markup(tmp_path: Path, passed: bool) -> None:
    page = write_report(poisoned_report(passed), tmp_path).read_text()
    tags = Tags()
    tags.feed(page)
    assert not set(tags.found) & set(DANGEROUS)
    assert not [name for name, _ in tags.attributes if name.startswith("on") or name == "src"]
    assert not [value for name, value in tags.attributes if name == "href" and not (value or "").startswith("#")]
    assert "alert(1)" in page
    assert "49" not in page.split("<main>")[1].split("</h1>")[0]
    ET.parse(tmp_path / "junit.xml")


def big() -> Report:
    report = a_report(passed=False)
    [scenario] = report.scenarios
    scenario.resources[0] = dataclasses.replace(
        scenario.resources[0],
        curves={f"loss:{at}": [float(n % 97) for n in range(20_000)] for at in range(3)},
        log_tail=["\x1b[2K\r" + "step " * 50_000] * 60,
        description={"HyperParameters": {f"p{at}": "x" * 1000 for at in range(2000)}},
    )
    scenario.log_tail = ["\x00\x07" * 5000] * 1000
    scenario.traceback = "boom " * 100_000
    scenario.steps += [Step(f"Step {at}", scenario.started, 1.0, "passed") for at in range(500)]
    monitoring = next(each.content for each in scenario.evidence if "statistics" in each.content)
    features = [{**monitoring["statistics"]["features"][0], "name": f"f{at}"} for at in range(500)]
    violations = [
        {"feature_name": f"f{at}", "constraint_check_type": "data_type_check", "description": "d" * 300}
        for at in range(300)
    ]
    record = next(each.content["records"][0] for each in scenario.evidence if each.kind == "capture")
    scenario.evidence = [
        Evidence("monitoring", "Wide", None, {
            "statistics": {"features": features}, "baseline": {"features": features},
            "violations": {"violations": violations},
        }),
        Evidence("capture", "Many", None, {"records": [record] * 20_000}),
        Evidence("table", "Long", None, {"columns": ["a"] * 300, "rows": [["v" * 50] * 300] * 1000}),
        Evidence("mine", "Own", None, {"text": "y" * 2_000_000}),
    ]  # fmt: skip
    return report


def test_a_big_report_has_a_page_of_bounded_size(tmp_path: Path) -> None:
    page = write_report(big(), tmp_path)
    assert page.stat().st_size < 3_000_000
    text = page.read_text()
    for said in (
        "460 more features are in the table",
        "300 more features are in report.json",
        "19979 more records are in report.json",
        "800 more rows are in report.json",
        "more characters: see report.json",
    ):
        assert said in text
    assert "\x00" not in text
    assert "\x1b" not in text
    assert (
        len(json.loads((tmp_path / "report.json").read_text())["scenarios"][0]["evidence"][1]["content"]["records"])
        == 20_000
    )


@pytest.mark.parametrize(
    "kind", ["classification", "monitoring", "capture", "table", "cost", "MonitoringExecutions", "artifact"]
)
@pytest.mark.parametrize(
    "content",
    [{}, {"note": "<mine>"}, {"roc": [1], "records": [1], "columns": 3, "rows": [None], "executions": "x"},
     {"confusion": [], "roc": [], "auc": "high", "metrics": {}, "records": [{}], "rows": [{}], "statistics": 3}],
    ids=["empty", "own", "odd", "wrong"],
)  # fmt: skip
def test_evidence_in_a_form_of_its_own_is_printed(tmp_path: Path, kind: str, content: dict[str, Any]) -> None:
    report = a_report()
    report.scenarios[0].evidence = [Evidence(kind, "Own form", None, content)]
    page = write_report(report, tmp_path).read_text()
    if "note" in content and kind not in ("monitoring", "artifact"):
        assert "&lt;mine&gt;" in page


def test_half_a_character_does_not_stop_the_report(tmp_path: Path) -> None:
    report = a_report()
    report.scenarios[0].title = "half \ud800"
    report.scenarios[0].evidence.append(Evidence("artifact", "odd", None, {"uri": "s3://b/\ud800.csv"}))
    assert "half \ufffd" in write_report(report, tmp_path).read_text()
