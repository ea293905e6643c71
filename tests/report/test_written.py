"""The three files a run leaves."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import replace
from html import escape
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from harness.report import Report, ScenarioReport, write_report
from harness.report.history import History, history_entry
from harness.report.links import signed_links
from harness.report.model import Evidence, Expectation, Resource, Step

JOB = Resource(
    kind="TrainingJob",
    name="credit-training-2026-11-22-17-19-05-355",
    status="Completed",
    started="2026-11-22 10:00:02+00:00",
    ended="2026-11-22 10:00:05+00:00",
    description={
        "HyperParameters": {"max_depth": "5"},
        "FinalMetricDataList": [{"MetricName": "validation:auc", "Value": 0.77}],
        "InputDataConfig": [{"ChannelName": "train"}],
        "ModelArtifacts": {"S3ModelArtifacts": "s3://bucket/a b/model.tar.gz"},
    },
    curves={"train:auc": [0.7, 0.8, 0.85], "validation:auc": [0.69, 0.75, 0.77], "train:rmse": [3.0, 2.0]},
    log_tail=["the last line"],
)
BUCKETS = [{"lower_bound": 1.0, "upper_bound": 1.5, "count": 4.0}, {"lower_bound": 1.5, "upper_bound": 2.0, "count": 5}]
NUMBERS = {"common": {"num_present": 9, "num_missing": 1}, "mean": 1.5, "std_dev": 0.5, "min": 1.0, "max": 2.0,
           "distribution": {"kll": {"buckets": BUCKETS}}}  # fmt: skip
MONITORING = {
    "exit_message": "CompletedWithViolations: Job completed successfully with 2 violations.",
    "violations": {
        "violations": [
            {
                "feature_name": "AGE",
                "constraint_check_type": "baseline_drift_check",
                "description": "Baseline drift distance: 0.6 exceeds threshold: 0.1",
            },
            {"feature_name": "Extra columns", "constraint_check_type": "extra_column_check", "description": "too many"},
        ]
    },
    "statistics": {
        "features": [
            {"name": "SEX", "inferred_type": "Integral", "numerical_statistics": NUMBERS},
            {"name": "AGE", "inferred_type": "Integral", "numerical_statistics": NUMBERS},
            {
                "name": "TEXT",
                "inferred_type": "String",
                "string_statistics": {
                    "common": NUMBERS["common"],
                    "distribution": {"categorical": {"buckets": [{"value": "<red>", "count": 9}]}},
                },
            },
        ]
    },
    "baseline": {"features": [{"name": "AGE", "inferred_type": "Integral", "numerical_statistics": NUMBERS}]},
}
EVIDENCE = [
    Evidence("classification", "Scores", "Two", {
        "confusion": [[50, 5], [10, 35]], "roc": [[0, 0], [0.1, 0.8], [1, 1]],
        "auc": 0.875, "metrics": {"accuracy": 0.85},
        "scores": {"edges": [0.0, 0.5, 1.0], "counts": [[50, 5], [10, 35]]},
    }),
    Evidence("monitoring", "Drifted", "Two", MONITORING),
    Evidence("table", "Trials", None, {"columns": ["name", "auc"], "rows": [["one", 0.77123456], ["two", None]]}),
    Evidence("capture", "A <captured> request", None, {"records": [{
        "captureData": {
            "endpointInput": {"observedContentType": "text/csv", "encoding": "CSV", "data": "1,2\n3,<4>"},
            "endpointOutput": {"observedContentType": "text/csv", "encoding": "CSV", "data": "0.25\n0.5\n"},
        },
        "eventMetadata": {"eventId": "the-event", "inferenceTime": "2026-11-22T10:00:05Z"},
    }]}),
    Evidence("cost", "What it would have cost", None, {
        "rows": [{"step": "One", "instance_type": "ml.m5.xlarge", "seconds": 61, "dollars": 0.004},
                 {"step": "Two", "instance_type": "ml.odd", "count": 2, "seconds": 1, "dollars": None}],
        "total": 0.004, "prices_of": "2026-09-01", "unpriced": ["ml.odd"],
    }),
    Evidence("MonitoringExecutions", "hourly", None, {"executions": [
        {"ScheduledTime": "2026-11-22 11:00:00", "MonitoringExecutionStatus": "Failed", "FailureReason": "no data"},
    ]}),
    Evidence("artifact", "Violations", None, {"uri": "s3://bucket/reports/constraint_violations.json"}),
]  # fmt: skip


def a_report(passed: bool = True) -> Report:
    steps = [Step("One", 1795341600.0, 2.0, "passed", expectations=[Expectation("it is <so>", True)])]
    if not passed:
        steps.append(Step("Two", 1795341602.0, 3.0, "failed", "not so", [Expectation("so", False, "found \x00 other")]))
    scenario = ScenarioReport(
        "credit",
        "Credit & co",
        "v2",
        1795341600.0,
        5.0,
        passed,
        True,
        steps=steps,
        resources=[JOB],
        evidence=[*EVIDENCE],
    )
    if not passed:
        scenario.traceback, scenario.log_tail = "Traceback: boom", ["\x1b[31mred"]
    return Report("0.1.0", "local", "http://127.0.0.1:4599", "2026-11-22", 5.2, [scenario])


class References(HTMLParser):
    """Everything a page would load by itself, and the tags left open."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.links: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.loaded += [value or "" for name, value in attrs if name == "src" or (name == "href" and tag == "link")]
        self.links += [given.get("href") or ""] if tag == "a" else []
        if tag not in ("meta", "br", "line", "rect", "polyline", "polygon", "circle"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self.open:
            assert self.open.pop() == tag


@pytest.fixture(params=[True, False], ids=["passed", "failed"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    link = signed_links("http://127.0.0.1:4599", "us-east-1", "123456789012", "harness")
    return write_report(a_report(request.param), tmp_path / "reports", link=link).parent


def test_the_page_stands_alone(folder: Path) -> None:
    page = (folder / "report.html").read_text()
    found = References()
    found.feed(page)
    assert found.loaded == []
    assert found.open == []
    assert not re.search(r"@import|url\(|<script", page)
    assert 'name="viewport"' in page


def test_the_page_shows_everything_that_was_told(folder: Path) -> None:
    page = (folder / "report.html").read_text()
    shown = ["Credit &amp; co", "it is &lt;so&gt;", "HyperParameters.max_depth", "InputDataConfig[0].ChannelName"]
    shown += ["Metrics of credit-training", "AUC 0.8750", "0.771235", "A &lt;captured&gt; request", "the last line"]
    shown += ["validation:auc 0.77", "actual 1", "&lt;4&gt;", "the-event", "All 2 captured predictions", "&lt;red&gt;"]
    shown += ["$0.0040", "2 x ml.odd", "not in the sum: ml.odd", "at the prices of 2026-09-01", "no data"]
    shown += ["drift distance 0.6, threshold 0.1", "Executions of schedule hourly"]
    for text in shown:
        assert text in page
    found = References()
    found.feed(page)
    assert "http://127.0.0.1:4599/bucket/a%20b/model.tar.gz" in [link.partition("?")[0] for link in found.links]


def test_violations_lead_the_monitors_table_and_are_marked(folder: Path) -> None:
    page = (folder / "report.html").read_text()
    rows = re.findall(r'<tr class="(violated)?"><td>(Extra columns|AGE|SEX|TEXT)</td>', page)
    figures = re.findall(r'<figure class="(violated)?"><figcaption><b>([^<]*)</b>', page)
    assert figures == [("violated", "Extra columns"), ("violated", "AGE"), ("", "SEX"), ("", "TEXT")]
    assert rows == [("violated", "Extra columns"), ("violated", "AGE"), ("", "SEX"), ("", "TEXT")]
    assert "2 features with violations" in page
    assert "<b>baseline_drift_check</b>: Baseline drift distance: 0.6 exceeds threshold: 0.1" in page


def test_earlier_runs_are_shown_as_trends(tmp_path: Path) -> None:
    page = write_report(a_report(), tmp_path).read_text()
    assert "Over the last runs" not in page
    report = a_report()
    before = [history_entry(report.scenarios[0], report, tmp_path)] * 2
    before = [replace(past, seconds=4.0) for past in before]
    elsewhere = replace(before[0], profile="aws", seconds=900.0)
    page = write_report(report, tmp_path, History((*before, elsewhere))).read_text()
    trends = page.split("Over the last runs")[1].split("<h3>")[0]
    assert "+25.0 % against the median of 2 earlier runs" in trends
    assert "±0 % against the median of 2 earlier runs" in trends
    assert trends.count('class="spark"') == 3
    assert (
        "Over the last runs" not in write_report(a_report(passed=False), tmp_path, History(tuple(before))).read_text()
    )


def test_metrics_of_one_kind_share_a_plot(folder: Path) -> None:
    section = (folder / "report.html").read_text().split("Metrics of")[1].split("<h3>")[0]
    plots = re.findall(r"<figure>.*?</figure>", section, re.DOTALL)
    assert [len(re.findall("<polyline", plot)) for plot in plots] == [2, 1]


def test_what_went_wrong_leads_a_failed_page(tmp_path: Path) -> None:
    page = write_report(a_report(passed=False), tmp_path).read_text()
    wrong = page.split("What went wrong")[1].split("Timeline")[0]
    for text in ("Two", "so", "Traceback: boom", "red"):
        assert text in wrong


def test_an_error_without_an_expectation_is_said_first(tmp_path: Path) -> None:
    report = a_report()
    report.scenarios[0] = replace(report.scenarios[0], passed=False, traceback="Traceback\nKeyError: 'x'")
    assert "KeyError: &#39;x&#39;</p>" in write_report(report, tmp_path).read_text().split("Traceback</summary>")[0]
    failed = Step("Two", 1795341602.0, 3.0, "failed", "ClientError: no such bucket")
    report.scenarios[0].steps.append(failed)
    wrong = write_report(report, tmp_path).read_text().split("What went wrong: Two")[1].split("<details>")[0]
    assert "ClientError: no such bucket" in wrong


def test_the_json_says_what_the_page_says(folder: Path) -> None:
    document = json.loads((folder / "report.json").read_text())
    (scenario,) = document["scenarios"]
    assert document["passed"] is scenario["passed"]
    assert scenario["steps"][0]["expectations"][0]["text"] == "it is <so>"
    assert scenario["resources"][0]["name"] == JOB.name


def test_junit_is_what_ci_systems_read(tmp_path: Path) -> None:
    report = a_report(passed=False)
    report.scenarios[0].steps.insert(1, Step("One", 1795341602.0, 0.5, "passed"))
    write_report(report, tmp_path)
    (suite,) = ET.parse(tmp_path / "junit.xml").getroot()
    for total in ("name", "tests", "failures", "errors", "skipped", "time", "timestamp"):
        assert suite.get(total)
    assert suite.get("timestamp") == "2026-11-22T10:00:00"
    cases = suite.findall("testcase")
    # A case is known by classname and name alone.
    assert [(case.get("classname"), case.get("name")) for case in cases] == [
        ("credit", "One"), ("credit", "One (2)"), ("credit", "Two"),
    ]  # fmt: skip
    assert cases[0].findtext("system-out") == "✓ it is <so>"
    failure = cases[2].find("failure")
    assert failure is not None
    assert failure.get("type") == "Failed"
    assert failure.text == "expected: so\nfound ␀ other\n\nTraceback: boom"
    assert [part.tag for part in cases[2]] == ["failure", "system-out"]
    assert cases[2].findtext("system-out") == suite.findtext("system-out") == "red"


def test_a_scenario_without_steps_is_a_case_all_the_same(tmp_path: Path) -> None:
    report = a_report()
    report.scenarios[0].steps.clear()
    write_report(report, tmp_path)
    (suite,) = ET.parse(tmp_path / "junit.xml").getroot()
    assert (suite.get("tests"), suite.get("failures"), suite.find("testcase").get("name")) == ("1", "0", "run")  # type: ignore[union-attr]


def test_junit_counts_steps_and_failures(tmp_path: Path) -> None:
    write_report(a_report(passed=False), tmp_path)
    suites = ET.parse(tmp_path / "junit.xml").getroot()
    (suite,) = suites
    assert (suites.get("tests"), suites.get("failures")) == (suite.get("tests"), suite.get("failures")) == ("2", "1")
    failure = suite.find("testcase[@name='Two']/failure")
    assert failure is not None
    assert failure.get("message") == "not so"
    assert "found ␀ other" in (failure.text or "")


def test_junit_shows_a_failure_outside_the_steps(tmp_path: Path) -> None:
    report = a_report()
    report.scenarios[0].passed, report.scenarios[0].traceback = False, "Traceback\nKeyError: 'x'"
    write_report(report, tmp_path)
    failure = ET.parse(tmp_path / "junit.xml").getroot().find(".//failure")
    assert failure is not None
    assert failure.get("message") == "KeyError: 'x'"


def wide(passed: bool) -> Report:
    """With everything that could be too wide for a phone."""
    report = a_report(passed)
    [scenario] = report.scenarios
    long = "w" * 300
    scenario.title = scenario.name = long
    scenario.log_tail, scenario.notices = [long], [long]
    scenario.steps.append(Step(long, scenario.started, 1.0, "passed", expectations=[Expectation(long, True)]))
    scenario.resources[0] = replace(scenario.resources[0], name=long, description={long: long})
    scenario.evidence += [
        Evidence("table", long, None, {"columns": [long] * 3, "rows": [[long, 1.5, "a sentence " * 20]]}),
        Evidence(
            "table", "numbers", None, {"columns": [f"column {at}" for at in range(40)], "rows": [[0.123456] * 40]}
        ),
        Evidence("mine", "own", None, {"text": long}),
    ]
    return report


@pytest.mark.needs("browser")
@pytest.mark.parametrize("passed", [True, False])
def test_a_browser_shows_it_on_a_phone_without_scrolling_sideways(tmp_path: Path, passed: bool) -> None:
    page = write_report(wide(passed), tmp_path).read_text()
    # A window cannot be as narrow as a phone, a frame can.
    measure = "document.title = 'wide ' + document.getElementById('phone').contentDocument.documentElement.scrollWidth"
    frame = tmp_path / "frame.html"
    frame.write_text(
        f'<iframe id="phone" style="border:0;width:390px" srcdoc="{escape(page)}" onload="{measure}"></iframe>'
    )
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    quiet = ("--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update")
    argv = [browser, "--headless", "--no-sandbox", *quiet, "--disable-sync", f"--user-data-dir={tmp_path / 'profile'}"]
    done = subprocess.run(
        [*argv, "--window-size=800,900", "--dump-dom", frame.as_uri()],
        capture_output=True, text=True, timeout=50, check=False,
    )  # fmt: skip
    width = re.search(r"<title>wide (\d+)</title>", done.stdout)
    assert width, done.stderr[-500:]
    assert int(width[1]) <= 390
