"""What happened, for people and for programs: ``report.html`` (self-contained), ``report.json``, ``junit.xml``.

Made from what scenarios told (``harness.scenario.events``) and from nothing else; asks no service and judges nothing.
"""

from harness.report.model import Report, ScenarioReport
from harness.report.write import write_report

__all__ = ["Report", "ScenarioReport", "write_report"]
