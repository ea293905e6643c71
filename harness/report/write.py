"""Writing of a report's three files into a folder."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from harness.kernel.files import write_private
from harness.report.history import History
from harness.report.junit import render_junit
from harness.report.links import Link
from harness.report.model import Report
from harness.report.page import render_page

HTML, JSON, JUNIT = "report.html", "report.json", "junit.xml"
SCHEMA = Path(__file__).parent / "schema" / "report.schema.json"
SCHEMA_VERSION = 1
SCHEMA_ID = f"urn:sagemaker-harness:report:{SCHEMA_VERSION}"


def write_report(report: Report, folder: Path, history: History | None = None, link: Link | None = None) -> Path:
    """Write the report and return the path of the page. ``history`` has earlier runs; ``link`` makes links."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(document(report), indent=2, default=str, allow_nan=False) + "\n"
    write_private(folder / JSON, text.encode())
    write_private(folder / JUNIT, render_junit(report))
    # Half a surrogate pair, which JSON can carry and UTF-8 cannot, is replaced.
    write_private(folder / HTML, render_page(report, history, folder, link).encode("utf-8", "replace"))
    return folder / HTML


def document(report: Report) -> dict[str, Any]:
    """Return the content of ``report.json``, as its schema describes it."""
    return {"$schema": SCHEMA_ID, "schema_version": SCHEMA_VERSION, "passed": report.passed, **_to_json(report)}


def _to_json(value: Any) -> Any:
    """Convert a value for JSON. It cannot express NaN and infinity; they become texts, as in AWS's documents."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if is_dataclass(value):
        return {member.name: _to_json(getattr(value, member.name)) for member in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _to_json(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_to_json(inner) for inner in value]
    return value
