"""Evidence prepared for the page's templates, by its kind. Evidence of an unknown form is shown as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup

from harness.report import distributions, plots
from harness.report.captured import summarise_traffic
from harness.report.model import Evidence
from harness.report.monitoring import feature_rows
from harness.report.text import head

MOST_ROWS, MOST_PICTURES, MOST_COLUMNS = 200, 40, 40
LONG_CELL = 34


@dataclass(frozen=True)
class EvidenceView:
    """Evidence and the name of the template that draws it; ``more`` are values that the template needs beside it."""

    template: str
    title: str
    content: Mapping[str, Any]
    more: Mapping[str, Any] = field(default_factory=dict)


def prepare_view(evidence: Evidence) -> EvidenceView:
    """Choose the template of some evidence, and compute what it shows."""
    prepare = _KINDS.get(evidence.kind)
    if prepare is not None:
        try:
            more = prepare(evidence.content)
            return EvidenceView(
                evidence.kind, _TITLES.get(evidence.kind, "{}").format(evidence.title), evidence.content, more
            )
        except (KeyError, TypeError, ValueError, AttributeError, IndexError):
            pass  # a scenario may use the name of a kind for content of another form
    return EvidenceView("other", evidence.title, evidence.content, {"text": head(_as_json(evidence.content))})


def _as_json(content: Mapping[str, Any]) -> str:
    return json.dumps(content, indent=2, default=str, ensure_ascii=False)


def _classification(content: Mapping[str, Any]) -> dict[str, Any]:
    curve = [(float(x), float(y)) for x, y in content["roc"]]
    name = f"AUC {float(content['auc']):.4f}"
    counts = [[int(count) for count in row] for row in content["confusion"]]
    roc = plots.draw_lines({name: curve}, "false positive rate", "true positive rate", unit_square=True)
    scores = content.get("scores") or {}
    spread = ""
    if scores:
        classes = {f"actual {number}": counted for number, counted in enumerate(scores["counts"])}
        spread = distributions.draw_scores(scores["edges"], classes, "score")
    metrics = {str(name): float(value) for name, value in content["metrics"].items()}
    return {"roc": Markup(roc), "scores": Markup(spread), "counts": counts, "metrics": metrics}


def _monitoring(content: Mapping[str, Any]) -> dict[str, Any]:
    rows = feature_rows(content)
    pictures = [(row, Markup(picture)) for row in rows[:MOST_PICTURES] if (picture := row.picture()) or row.violations]
    violated = sum(bool(row.violations) for row in rows)
    return {
        "violated": violated,
        "pictures": pictures,
        "baseline": any(row.baseline_buckets or row.baseline_categories for row in rows),
        "rows": rows[:MOST_ROWS],
        "left_out": max(len(rows) - MOST_ROWS, 0),
        "undrawn": max(len(rows) - MOST_PICTURES, 0),
        "message": content.get("exit_message") or "",
    }


def _capture(content: Mapping[str, Any]) -> dict[str, Any]:
    traffic = summarise_traffic(content["records"])
    spread = ""
    if len(traffic.answers) > 1:
        edges, counts = distributions.histogram(traffic.answers)
        spread = distributions.draw_scores(edges, {"predictions": counts}, "prediction")
    return {"captured": traffic, "spread": Markup(spread)}


def _table(content: Mapping[str, Any]) -> dict[str, Any]:
    columns = [str(column) for column in content["columns"]][:MOST_COLUMNS]
    rows = [list(row)[:MOST_COLUMNS] for row in content["rows"][:MOST_ROWS]]
    # Columns of sentences are too narrow on a phone; such tables are laid out in another way there.
    wordy = any(isinstance(value, str) and len(value) > LONG_CELL for row in rows for value in row)
    return {"columns": columns, "rows": rows, "wordy": wordy, "left_out": max(len(content["rows"]) - MOST_ROWS, 0)}


def _cost(content: Mapping[str, Any]) -> dict[str, Any]:
    rows = [
        (str(row.get("step") or ""), _machines(row), float(row["seconds"]), _dollars(row["dollars"]))
        for row in content["rows"]
    ]
    most = max((dollars for *_, dollars in rows if dollars is not None), default=0.0) or 1.0
    bars = [(dollars or 0.0) / most for *_, dollars in rows]
    return {
        "rows": list(zip(rows[:MOST_ROWS], bars, strict=False)),
        "total": _dollars(content["total"]),
        "prices_of": str(content.get("prices_of") or ""),
        "unpriced": [str(machine) for machine in content.get("unpriced") or []],
        "left_out": max(len(rows) - MOST_ROWS, 0),
    }


def _machines(row: Mapping[str, Any]) -> str:
    kind, count = str(row.get("kind") or ""), int(row.get("count") or 1)
    machines = str(row["instance_type"]) if count == 1 else f"{count} x {row['instance_type']}"
    return f"{machines} ({kind})" if kind else machines


def _dollars(value: Any) -> float | None:
    return None if value is None else float(value)


def _executions(content: Mapping[str, Any]) -> dict[str, Any]:
    rows = [
        (
            str(each["ScheduledTime"]),
            str(each["MonitoringExecutionStatus"]),
            str(each.get("ProcessingJobArn", "")).rsplit("/", 1)[-1],
            str(each.get("FailureReason", "")),
        )
        for each in content["executions"]
    ]
    return {"rows": rows[:MOST_ROWS]}


_TITLES = {"MonitoringExecutions": "Executions of schedule {}"}
_KINDS: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "classification": _classification,
    "monitoring": _monitoring,
    "capture": _capture,
    "table": _table,
    "cost": _cost,
    "MonitoringExecutions": _executions,
}
