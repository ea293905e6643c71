"""The HTML page: prepares what the template shows. One file without outside references; plots are inline SVG."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from harness.report import plots
from harness.report.monitoring import feature_rows
from harness.report.story import Evidence, Report, Resource, ScenarioReport

_TEMPLATES = Path(__file__).parent / "templates"


def page(report: Report) -> str:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(seconds=seconds, cell=cell, parameters=parameters, pretty=pretty)
    template = environment.get_template("report.html")
    style = Markup((_TEMPLATES / "report.css").read_text())
    return template.render(
        report=report, scenarios=[_Shown(scenario, report) for scenario in report.scenarios], style=style
    )


class _Shown:
    """A scenario with its drawings."""

    def __init__(self, scenario: ScenarioReport, report: Report) -> None:
        self.scenario = scenario
        self.timeline = Markup(_timeline(scenario))
        self.resources = [(resource, Markup(_curves(resource))) for resource in scenario.resources]
        self.evidence = [_drawn(evidence) for evidence in scenario.evidence if evidence.kind != "artifact"]
        self.artifacts = [
            (evidence.title, evidence.content["uri"], _link(report.address, evidence.content["uri"]))
            for evidence in [*scenario.evidence, *_own_artifacts(scenario)]
            if evidence.kind == "artifact"
        ]


def _timeline(scenario: ScenarioReport) -> str:
    """The scenario's steps, then each job where it really ran: work that overlaps is seen to overlap."""
    begin = scenario.started
    rows = [
        (step.name, step.started - begin, step.started - begin + step.seconds, step.state) for step in scenario.steps
    ]
    for resource in scenario.resources:
        start, end = _moment(resource.started), _moment(resource.ended)
        if start is not None and end is not None:
            rows.append((_without_stamp(resource.name), max(start - begin, 0.0), max(end - begin, 0.0), "job"))
    return plots.timeline(rows)


def _without_stamp(name: str) -> str:
    """The SDKs end a job's name with the time of day, which says nothing in a timeline."""
    return re.sub(r"(-\d+){4,}$", "", name)


def _curves(resource: Resource) -> str:
    """Metrics of one kind (train:auc, validation:auc) share a plot."""
    groups: dict[str, dict[str, list[plots.Point]]] = {}
    for name, values in sorted(resource.curves.items()):
        points = [(float(number), value) for number, value in enumerate(values)]
        groups.setdefault(name.rsplit(":", 1)[-1], {})[name] = points
    return "".join(f"<figure>{plots.lines(series, 'round', metric)}</figure>" for metric, series in groups.items())


def _drawn(evidence: Evidence) -> Mapping[str, Any]:
    content = evidence.content
    drawn: dict[str, Any] = {"kind": evidence.kind, "title": evidence.title, "content": content, "plot": ""}
    if evidence.kind == "classification":
        curve = [(x, y) for x, y in content["roc"]]
        drawn["plot"] = Markup(
            plots.lines(
                {f"AUC {content['auc']:.4f}": curve}, "false positive rate", "true positive rate", unit_square=True
            )
        )
    elif evidence.kind == "monitoring":
        drawn["rows"] = feature_rows(content)
    return drawn


def _own_artifacts(scenario: ScenarioReport) -> list[Evidence]:
    """What the jobs' own descriptions name."""
    found = []
    for resource in scenario.resources:
        description = resource.description
        model = description.get("ModelArtifacts", {}).get("S3ModelArtifacts")
        outputs = description.get("ProcessingOutputConfig", {}).get("Outputs", [])
        transform = description.get("TransformOutput", {}).get("S3OutputPath")
        named = [("model", model), ("output", transform)]
        named += [(output["OutputName"], output.get("S3Output", {}).get("S3Uri")) for output in outputs]
        found += [Evidence("artifact", f"{resource.name}: {name}", None, {"uri": uri}) for name, uri in named if uri]
    return found


def _link(address: str, uri: str) -> str:
    """Objects can be opened in the browser while the emulator runs; a prefix is listed."""
    parts = urlsplit(uri)
    key = parts.path.lstrip("/")
    last = key.rsplit("/", 1)[-1]
    if "." in last:
        return f"{address}/{parts.netloc}/{quote(key)}"
    return f"{address}/{parts.netloc}?list-type=2&prefix={quote(key)}"


def _moment(text: str | None) -> float | None:
    """A time as the events carry it: what ``str`` makes of boto3's datetime."""
    return datetime.fromisoformat(text).timestamp() if text else None


def seconds(value: float) -> str:
    return f"{value * 1000:.0f} ms" if value < 0.1 else f"{value:.1f} s" if value < 100 else f"{value / 60:.1f} min"


def cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    return "" if value is None else str(value)


def parameters(description: Mapping[str, Any]) -> list[tuple[str, str]]:
    """A job's description as rows: nested members by their path, empty ones left out."""
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
    return rows


def pretty(value: Any) -> str:
    return json.dumps(value, indent=2, default=str)
