"""What a run will create, learned from the last run of the same scenario; its steps, in any case, from its own file."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from harness.promotion.destination import Destination
from harness.promotion.teardown import STEP

_TIMES = {
    "ProcessingJob": ("ProcessingStartTime", "ProcessingEndTime"),
    "TrainingJob": ("TrainingStartTime", "TrainingEndTime"),
    "TransformJob": ("TransformStartTime", "TransformEndTime"),
}
_CONFIG = "EndpointConfig"


@dataclass(frozen=True)
class Machines:
    instance_type: str
    count: int


@dataclass(frozen=True)
class Planned:
    """``seconds`` is how long it ran, or an endpoint stood, in the run that the plan was learned from, if known."""

    kind: str
    step: str | None
    machines: tuple[Machines, ...]
    seconds: float | None


@dataclass(frozen=True)
class Plan:
    """``learned_from`` is the folder of the run; None when the scenario was never run to its end here."""

    scenario: str
    steps: tuple[str, ...]
    resources: tuple[Planned, ...]
    learned_from: Path | None

    def unknown_words(self, destination: Destination) -> list[str]:
        """Steps or stages that the profile names and this scenario does not have, as far as can be known."""
        known = {*self.steps, *(planned.kind for planned in self.resources), "default"}
        named = [*destination.instance_types, *destination.max_runtime, *destination.spot]
        stages = {"TrainingJob", "ProcessingJob", "TransformJob", "Endpoint", "MonitoringSchedule"}
        return [word for word in dict.fromkeys(named) if word not in known | stages]


def make_plan(name: str, file: Path, reports: Path, destination: Destination) -> Plan:
    """``reports`` is the folder that holds the reports of runs, one folder each."""
    folder = _last_passed(reports, name)
    if folder is None:
        return Plan(name, tuple(_stated_steps(file)), (), None)
    events = list(_events(folder / name / "events.jsonl"))
    steps = dict.fromkeys(event["name"] for event in events if event["event"] == "step")
    steps.pop(STEP, None)
    return Plan(name, tuple(steps), tuple(_planned(events, destination)), folder)


def _last_passed(reports: Path, name: str) -> Path | None:
    """The newest first. Only a run to the end shows all that a scenario creates."""
    for file in sorted(reports.glob(f"*/{name}/events.jsonl"), reverse=True):
        events = list(_events(file))
        if any(event["event"] == "end" and event["passed"] for event in events):
            return file.parent.parent
    return None


def _events(file: Path) -> Iterator[dict[str, Any]]:
    for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict) and "event" in event:
            yield event


def _planned(events: list[dict[str, Any]], destination: Destination) -> Iterator[Planned]:
    created = [event for event in events if event["event"] == "created"]
    configs = {event["name"]: event["instances"] for event in created if event["kind"] == _CONFIG}
    described = {
        (event["kind"], event["title"]): event["content"].get("description", {})
        for event in events
        if event["event"] == "evidence"
    }
    end = max(event["at"] for event in events)
    for event in created:
        kind, name = event["kind"], event["name"]
        if kind == _CONFIG:
            continue
        instances = configs.get(event.get("config"), []) if kind == "Endpoint" else event["instances"]
        seconds = end - event["at"] if kind == "Endpoint" else _ran(kind, described.get((kind, name), {}))
        machines = tuple(_machines(instances, destination, event["step"], kind))
        yield Planned(kind, event["step"], machines, seconds)


def _machines(
    instances: list[Mapping[str, Any]], destination: Destination, step: str | None, kind: str
) -> Iterator[Machines]:
    for each in instances:
        yield Machines(destination.instance_type(each["InstanceType"], step, kind), int(each["InstanceCount"]))


def _ran(kind: str, description: Mapping[str, Any]) -> float | None:
    try:
        start, end = (datetime.fromisoformat(str(description[member])) for member in _TIMES[kind])
    except (KeyError, ValueError):
        return None
    return (end - start).total_seconds()


def _stated_steps(file: Path) -> Iterator[str]:
    """The sentences that the file writes out; one that is put together is not known before it runs."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        match node:
            case ast.Call(func=ast.Attribute(attr="step"), args=[ast.Constant(value=str(sentence)), *_]):
                yield sentence
