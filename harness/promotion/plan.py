"""What a run will create, learned from the last run of the same scenario; its steps, in any case, from its own file."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from harness.kernel.kinds import STAGES, kind_of
from harness.promotion.destination import Destination
from harness.promotion.teardown.run import STEP
from harness.scenario.events import (
    CalledEvent,
    CreatedEvent,
    EndEvent,
    Event,
    EvidenceEvent,
    ReusedEvent,
    StepEvent,
    read_events,
)
from harness.scenario.run_folder import EVENTS


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
    runs: int = 1
    """How often it ran: executions of a schedule."""
    images: tuple[str, ...] = ()
    name: str = field(default="", compare=False)
    at: float = field(default=0.0, compare=False)
    """When it was asked for, in seconds since 1970."""


@dataclass(frozen=True)
class ApiCall:
    """An operation the scenario calls; ``bucket`` where it is another than the session's own."""

    service: str
    operation: str
    bucket: str = ""


@dataclass(frozen=True)
class RunPlan:
    """``learned_from`` is the folder of the run; None when the scenario was never run to its end here."""

    scenario: str
    steps: tuple[str, ...]
    resources: tuple[Planned, ...]
    learned_from: Path | None
    calls: tuple[ApiCall, ...] = ()
    """What the scenario asked AWS's API for, each once; empty when it was not recorded."""
    on_aws: bool = False
    """Whether the run was one on AWS, so that its times are AWS's own."""
    names: tuple[tuple[str, str], ...] = ()
    """Kind and name of everything that it created, each once."""
    command: str = ""
    """What runs it here; ``harness run`` where nothing else is said."""

    @property
    def rehearsal(self) -> str:
        """The command that would let it be known."""
        return self.command or f"harness run {self.scenario}"

    def unknown_words(self, destination: Destination) -> list[str]:
        """Steps or stages that the profile names and this scenario does not have, as far as can be known."""
        known = {*self.steps, *(planned.kind for planned in self.resources), "default"}
        named = [*destination.instance_types, *destination.max_runtime, *destination.spot]
        return [word for word in dict.fromkeys(named) if word not in known | STAGES]


def make_plan(name: str, file: Path, folders: Iterable[Path], destination: Destination | None) -> RunPlan:
    """Make the plan from the newest run that passed. ``folders`` are report folders of runs, the newest first."""
    folder = _last_passed(folders, name)
    if folder is None:
        return RunPlan(name, tuple(_stated_steps(file)), (), None)
    return recorded_plan(name, folder, destination)


def recorded_plan(name: str, folder: Path, destination: Destination | None) -> RunPlan:
    """What one run did. Without a destination its machines are those that the scenario states."""
    return learned_plan(name, folder / name / EVENTS, folder, destination)


def learned_plan(name: str, file: Path, folder: Path, destination: Destination | None) -> RunPlan:
    """Make the plan from a file of a session's events."""
    events = list(read_events(file))
    steps = dict.fromkeys(event.name for event in events if isinstance(event, StepEvent))
    on_aws = STEP in steps
    steps.pop(STEP, None)
    calls = dict.fromkeys(
        ApiCall(event.service, event.operation, event.bucket) for event in events if isinstance(event, CalledEvent)
    )
    names = dict.fromkeys((event.kind, event.name) for event in events if isinstance(event, CreatedEvent))
    planned = tuple(_planned(events, destination))
    return RunPlan(name, tuple(steps), planned, folder, tuple(calls), on_aws, tuple(names))


def _last_passed(folders: Iterable[Path], name: str) -> Path | None:
    """The first of the folders whose run passed. Only a run to the end shows all that a scenario creates."""
    for folder in folders:
        file = folder / name / EVENTS
        if file.is_file() and any(isinstance(event, EndEvent) and event.passed for event in read_events(file)):
            return folder
    return None


def _planned(events: Sequence[Event], destination: Destination | None) -> Iterator[Planned]:
    created = [event for event in events if isinstance(event, CreatedEvent)]
    configs = {event.name: event for event in created if kind_of(event.kind).is_definition}
    evidence = {(event.kind, event.title): event.content for event in events if isinstance(event, EvidenceEvent)}
    # A job that was answered with an earlier one's result took no time here; the earlier one's is what it takes.
    reused = {(event.kind, event.name): event.seconds for event in events if isinstance(event, ReusedEvent)}
    end = max((event.at for event in events), default=0.0)
    for event in created:
        kind, name = event.kind, event.name
        if kind_of(kind).is_definition:
            continue
        config = configs.get(event.config, event)
        runs = 1
        if kind == "Endpoint":
            seconds: float | None = end - event.at
        elif kind == "MonitoringSchedule" and (content := evidence.get(("MonitoringExecutions", name))):
            runs, seconds = len(content["executions"]), sum(map(_execution_seconds, content["executions"]))
        else:
            description = evidence.get((kind, name), {}).get("description", {})
            seconds = reused.get((kind, name)) or _between(description, *kind_of(kind).times)
        machines = tuple(_machines(event.instances or config.instances, destination, event.step, kind))
        images = tuple(event.images or config.images)
        yield Planned(kind, event.step, machines, seconds, runs, images, name, event.at)


def _machines(
    instances: Sequence[Mapping[str, Any]], destination: Destination | None, step: str | None, kind: str
) -> Iterator[Machines]:
    for each in instances:
        stated = each["InstanceType"]
        wanted = destination.instance_type(stated, step, kind) if destination else stated
        yield Machines(wanted, int(each["InstanceCount"]))


def _execution_seconds(execution: Mapping[str, Any]) -> float:
    return _between(execution, "CreationTime", "LastModifiedTime") or 0.0


def _between(description: Mapping[str, Any], *members: str) -> float | None:
    try:
        start, end = (datetime.fromisoformat(str(description[member])) for member in members)
    except (KeyError, ValueError):
        return None
    return (end - start).total_seconds()


def _stated_steps(file: Path) -> Iterator[str]:
    """The sentences that the file writes out; one that is put together is not known before it runs."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        match node:
            case ast.Call(func=ast.Attribute(attr="step"), args=[ast.Constant(value=str(sentence)), *_]):
                yield sentence
