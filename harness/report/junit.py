"""JUnit XML as CI systems read it (Jenkins, GitLab, GitHub's actions): a suite is a scenario, a case is a step."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
from xml.etree import ElementTree as ET

from harness.report.model import Report, ScenarioReport, Step
from harness.report.text import log, tail, visible

LONGEST_MESSAGE = 500


def render_junit(report: Report) -> bytes:
    """Render a report as JUnit XML."""
    suites = ET.Element("testsuites", name="harness", time=f"{report.seconds:.3f}")
    for scenario in report.scenarios:
        suites.append(_build_suite(scenario))
    for total in ("tests", "failures"):
        suites.set(total, str(sum(int(suite.get(total, "0")) for suite in suites)))
    suites.set("errors", "0")
    document: bytes = ET.tostring(suites, encoding="utf-8", xml_declaration=True)
    return document


def _build_suite(scenario: ScenarioReport) -> ET.Element:
    started = datetime.fromtimestamp(scenario.started, tz=timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")
    suite = ET.Element(
        "testsuite", name=scenario.name, time=f"{scenario.seconds:.3f}", timestamp=started, errors="0", skipped="0"
    )
    for step, name in _name_cases(scenario):
        _add_case(suite, scenario, step, name)
    if not scenario.passed and scenario.failed_step is None:
        # It failed outside its steps; a suite without a failure would count as passed.
        case = ET.SubElement(suite, "testcase", classname=scenario.name, name="(outside the steps)", time="0")
        _add_failure(case, scenario, _last_line(scenario.traceback), scenario.traceback)
    elif not scenario.steps:
        ET.SubElement(suite, "testcase", classname=scenario.name, name="run", time=f"{scenario.seconds:.3f}")
    suite.set("tests", str(len(suite.findall("testcase"))))
    suite.set("failures", str(len(suite.findall("testcase/failure"))))
    if scenario.log_tail:
        ET.SubElement(suite, "system-out").text = log(scenario.log_tail)
    return suite


def _name_cases(scenario: ScenarioReport) -> Iterator[tuple[Step, str]]:
    """Yield each step with a unique name, because CI systems identify a case by its name alone."""
    seen: dict[str, int] = {}
    for step in scenario.steps:
        seen[step.name] = seen.get(step.name, 0) + 1
        yield step, visible(step.name if seen[step.name] == 1 else f"{step.name} ({seen[step.name]})")


def _add_case(suite: ET.Element, scenario: ScenarioReport, step: Step, name: str) -> None:
    case = ET.SubElement(suite, "testcase", classname=scenario.name, name=name, time=f"{step.seconds:.3f}")
    if step.state == "failed":
        missed = [f"expected: {entry.text}\n{entry.evidence}" for entry in step.expectations if not entry.passed]
        _add_failure(case, scenario, step.error, "\n\n".join([*missed, *filter(None, [scenario.traceback])]))
    elif step.expectations:
        marks = (f"{'✓' if entry.passed else '✗'} {entry.text}" for entry in step.expectations)
        ET.SubElement(case, "system-out").text = log(marks)


def _add_failure(case: ET.Element, scenario: ScenarioReport, message: str, text: str) -> None:
    kind = "Interrupted" if scenario.interrupted else "Failed"
    summary = visible(message.strip() or "failed").splitlines()[0][:LONGEST_MESSAGE]
    ET.SubElement(case, "failure", message=summary, type=kind).text = visible(tail(text))
    # GitLab shows the output of a case and none of a suite; Jenkins shows both.
    if scenario.log_tail:
        ET.SubElement(case, "system-out").text = log(scenario.log_tail)


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "failed"
