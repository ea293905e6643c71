"""Writes a report's three files into a folder."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from harness.report.junit import junit
from harness.report.page import page
from harness.report.story import Report

HTML, JSON, JUNIT = "report.html", "report.json", "junit.xml"


def write_report(report: Report, folder: Path) -> Path:
    """Returns the page's path."""
    folder.mkdir(parents=True, exist_ok=True)
    document = {"passed": report.passed, **asdict(report)}
    (folder / JSON).write_text(json.dumps(document, indent=2, default=str) + "\n")
    (folder / JUNIT).write_bytes(junit(report))
    (folder / HTML).write_text(page(report), encoding="utf-8")
    return folder / HTML
