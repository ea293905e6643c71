"""The report of a run for people and for programs: ``report.html`` (self-contained), ``report.json``, ``junit.xml``.

It is built from the events that scenarios write (``harness.scenario.events``) alone; no service is called.
"""

from harness.report.model import Report, ScenarioReport
from harness.report.write import write_report

__all__ = ["Report", "ScenarioReport", "write_report"]
