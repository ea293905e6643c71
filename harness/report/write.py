"""Writes a report's three files into a folder."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from harness.kernel.files import write_private
from harness.report.history import History
from harness.report.junit import junit
from harness.report.links import Link
from harness.report.model import Report
from harness.report.page import page

HTML, JSON, JUNIT = "report.html", "report.json", "junit.xml"
SCHEMA = Path(__file__).parent / "schema" / "report.schema.json"
SCHEMA_VERSION = 1
SCHEMA_ID = f"urn:sagemaker-harness:report:{SCHEMA_VERSION}"


def write_report(report: Report, folder: Path, history: History | None = None, link: Link | None = None) -> Path:
    """Returns the page's path. ``history`` is that of earlier runs, ``link`` gives the addresses of objects."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(document(report), indent=2, default=str, allow_nan=False) + "\n"
    write_private(folder / JSON, text.encode())
    write_private(folder / JUNIT, junit(report))
    # Half a surrogate pair, which JSON can carry and UTF-8 cannot, is replaced.
    write_private(folder / HTML, page(report, history, folder, link).encode("utf-8", "replace"))
    return folder / HTML


def document(report: Report) -> dict[str, Any]:
    """As the schema says."""
    return {"$schema": SCHEMA_ID, "schema_version": SCHEMA_VERSION, "passed": report.passed, **_plain(report)}


def _plain(value: Any) -> Any:
    """As JSON has it. It has no numbers that are none; they are written as AWS writes them."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if is_dataclass(value):
        return {member.name: _plain(getattr(value, member.name)) for member in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    return value
