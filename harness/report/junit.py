"""JUnit XML: a suite for each scenario, a case for each step, as CI systems read it."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from harness.report.story import Report, ScenarioReport, Step

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(report: Report) -> bytes:
    suites = ET.Element("testsuites", name="harness", time=f"{report.seconds:.3f}")
    for scenario in report.scenarios:
        suites.append(_suite(scenario))
    for total in ("tests", "failures"):
        suites.set(total, str(sum(int(suite.get(total, "0")) for suite in suites)))
    document: bytes = ET.tostring(suites, encoding="utf-8", xml_declaration=True)
    return document


def _suite(scenario: ScenarioReport) -> ET.Element:
    suite = ET.Element("testsuite", name=scenario.name, time=f"{scenario.seconds:.3f}")
    for step in scenario.steps:
        _case(suite, scenario, step)
    if not scenario.passed and scenario.failed_step is None:
        # It failed outside its steps; a suite without a failure would count as passed.
        case = ET.SubElement(suite, "testcase", classname=scenario.name, name="(outside the steps)", time="0")
        ET.SubElement(case, "failure", message=_last_line(scenario.traceback)).text = _clean(scenario.traceback)
    suite.set("tests", str(len(suite.findall("testcase"))))
    suite.set("failures", str(len(suite.findall("testcase/failure"))))
    if scenario.log_tail:
        ET.SubElement(suite, "system-out").text = _clean("\n".join(scenario.log_tail))
    return suite


def _case(suite: ET.Element, scenario: ScenarioReport, step: Step) -> None:
    case = ET.SubElement(suite, "testcase", classname=scenario.name, name=step.name, time=f"{step.seconds:.3f}")
    if step.state == "failed":
        evidence = "\n".join(entry.evidence for entry in step.expectations if not entry.passed)
        text = "\n\n".join(part for part in (evidence, scenario.traceback) if part)
        ET.SubElement(case, "failure", message=_clean(step.error)).text = _clean(text)


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return _clean(lines[-1]) if lines else "failed"


def _clean(text: str) -> str:
    """Logs may hold bytes that XML cannot."""
    return _NOT_XML.sub("\ufffd", text)
