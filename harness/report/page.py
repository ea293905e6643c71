"""The HTML page: values and drawings for its templates. The page is one file without references to others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from harness.report import plots
from harness.report.evidence_views import prepare_view
from harness.report.gantt import build_gantt
from harness.report.history import History, Past, history_entry
from harness.report.links import Link
from harness.report.model import Evidence, Report, Resource, ScenarioReport
from harness.report.text import head, log, tail, visible
from harness.report.trends import Trend, trends

_TEMPLATES = Path(__file__).parent / "templates"
MOST_PARAMETERS, MOST_TRENDS = 200, 6


def render_page(report: Report, history: History | None = None, folder: Path = Path(), link: Link | None = None) -> str:
    """Render the page. ``history`` has the runs before this one, for the trends; ``link`` makes links to objects."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_make_visible,
    )
    environment.filters.update(seconds=format_seconds, dollars=format_dollars, change=format_change)
    environment.filters.update(cell=format_cell, parameters=list_parameters)
    environment.filters.update(head=head, tail=tail, log=log)
    before = history or History()
    return environment.get_template("report.html").render(
        report=report,
        scenarios=[_ScenarioView(each, _runs(each, report, before, folder), link) for each in report.scenarios],
        style=Markup((_TEMPLATES / "report.css").read_text()),
    )


def _make_visible(value: Any) -> Any:
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _runs(scenario: ScenarioReport, report: Report, before: History, folder: Path) -> Sequence[Past]:
    return [*before.of(scenario.name, report.profile), history_entry(scenario, report, folder)]


class _ScenarioView:
    """A scenario with its drawings, for the template."""

    def __init__(self, scenario: ScenarioReport, runs: Sequence[Past], link: Link | None) -> None:
        self.scenario = scenario
        self.gantt = build_gantt(scenario)
        self.resources = [(resource, Markup(_curves(resource))) for resource in scenario.resources]
        self.evidence = [prepare_view(evidence) for evidence in scenario.evidence if evidence.kind != "artifact"]
        self.trends = [(trend, Markup(plots.draw_sparkline(trend.values))) for trend in _select_trends(runs)]
        self.artifacts = [
            (evidence.title, str(uri), link(str(uri)) if link else "")
            for evidence in [*scenario.evidence, *_job_artifacts(scenario)]
            if evidence.kind == "artifact" and (uri := evidence.content.get("uri"))
        ]


def _select_trends(runs: Sequence[Past]) -> list[Trend]:
    """Return the trends to draw: none before the second run, and none if this run failed or resumed another."""
    if not (runs[-1].passed and runs[-1].whole):
        return []
    return [trend for trend in trends(runs) if len(trend.values) > 1][:MOST_TRENDS]


def _curves(resource: Resource) -> str:
    """Draw the metrics of a job; those of one kind (train:auc, validation:auc) share a plot."""
    groups: dict[str, dict[str, list[plots.Point]]] = {}
    for name, values in sorted(resource.curves.items()):
        points = [(float(number), float(value)) for number, value in enumerate(values)]
        last = f"{name} {points[-1][1]:.4g}" if points else name
        groups.setdefault(name.rsplit(":", 1)[-1], {})[last] = points
    return "".join(f"<figure>{plots.draw_lines(series, 'round', metric)}</figure>" for metric, series in groups.items())


def _job_artifacts(scenario: ScenarioReport) -> list[Evidence]:
    """Return the outputs that the descriptions of jobs name, as evidence."""
    artifacts = []
    for resource in scenario.resources:
        description = resource.description
        model = description.get("ModelArtifacts", {}).get("S3ModelArtifacts")
        outputs = description.get("ProcessingOutputConfig", {}).get("Outputs", [])
        transform = description.get("TransformOutput", {}).get("S3OutputPath")
        named = [("model", model), ("output", transform)]
        named += [(output["OutputName"], output.get("S3Output", {}).get("S3Uri")) for output in outputs]
        artifacts += [
            Evidence("artifact", f"{resource.name}: {name}", None, {"uri": uri}) for name, uri in named if uri
        ]
    return artifacts


def format_seconds(value: float) -> str:
    return f"{value * 1000:.0f} ms" if value < 0.1 else f"{value:.1f} s" if value < 100 else f"{value / 60:.1f} min"


def format_dollars(value: float | None) -> str:
    """Format an amount, with four digits if it is less than a dollar."""
    return "unknown" if value is None else f"${value:.2f}" if value >= 1 or value == 0 else f"${value:.4f}"


def format_change(value: float | None) -> str:
    return "" if value is None else "±0 %" if abs(value) < 0.0005 else f"{value:+.1%}".replace("%", " %")


def format_cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    return "" if value is None else str(value)


def list_parameters(description: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return a job's description as rows: nested members by their path, without empty ones."""
    rows: list[tuple[str, str]] = []

    def walk(path: str, value: Any) -> None:
        if isinstance(value, Mapping):
            for name, inner in value.items():
                walk(f"{path}.{name}" if path else str(name), inner)
        elif isinstance(value, list) and any(isinstance(inner, Mapping) for inner in value):
            for number, inner in enumerate(value):
                walk(f"{path}[{number}]", inner)
        elif value not in (None, "", []):
            rows.append((path, ", ".join(map(str, value)) if isinstance(value, list) else str(value)))

    walk("", description)
    left_out = len(rows) - MOST_PARAMETERS
    return [*rows[:MOST_PARAMETERS], *([("…", f"{left_out} more: see report.json")] if left_out > 0 else [])]
