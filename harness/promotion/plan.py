"""The plan of a run: what it will create, according to the last run of the same scenario that passed.

For a scenario that never passed, only its steps are known; they are read from its source file.
"""

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
class PlannedResource:
    """A resource that the run will create.

    ``seconds`` is how long the job ran, or the endpoint existed, in the run that the plan was learned from, if known.
    """

    kind: str
    step: str | None
    machines: tuple[Machines, ...]
    seconds: float | None
    runs: int = 1
    """The number of executions, for a schedule."""
    images: tuple[str, ...] = ()
    name: str = field(default="", compare=False)
    at: float = field(default=0.0, compare=False)
    """The time of the request that created it, in seconds since 1970."""


@dataclass(frozen=True)
class ApiCall:
    """An operation that the scenario calls; ``bucket`` is set if it is not the session's default bucket."""

    service: str
    operation: str
    bucket: str = ""


@dataclass(frozen=True)
class RunPlan:
    """The plan of one scenario; ``learned_from`` is the folder of an earlier run, None if no run has passed here."""

    scenario: str
    steps: tuple[str, ...]
    resources: tuple[PlannedResource, ...]
    learned_from: Path | None
    calls: tuple[ApiCall, ...] = ()
    """The API operations that the scenario called, each once; empty if they were not recorded."""
    on_aws: bool = False
    """True if the earlier run was on AWS, so that its durations already contain AWS's start-up times."""
    names: tuple[tuple[str, str], ...] = ()
    """Kind and name of every resource that the run created, each once."""
    command: str = ""
    """The command that runs the scenario locally; empty for ``harness run SCENARIO``."""

    @property
    def rehearsal(self) -> str:
        """The command that runs the scenario locally, so that a plan can be learned."""
        return self.command or f"harness run {self.scenario}"

    def unknown_words(self, destination: Destination) -> list[str]:
        """Return the steps or stages that the profile names and this scenario does not have."""
        known = {*self.steps, *(planned.kind for planned in self.resources), "default"}
        named = [*destination.instance_types, *destination.max_runtime, *destination.spot]
        return [word for word in dict.fromkeys(named) if word not in known | STAGES]


def make_plan(name: str, file: Path, folders: Iterable[Path], destination: Destination | None) -> RunPlan:
    """Make the plan from the newest run that passed. ``folders`` are report folders of runs, the newest first."""
    folder = _last_passed(folders, name)
    if folder is None:
        return RunPlan(name, tuple(_literal_steps(file)), (), None)
    return recorded_plan(name, folder, destination)


def recorded_plan(name: str, folder: Path, destination: Destination | None) -> RunPlan:
    """Return the plan learned from one run. Without a destination, instance types stay as the scenario states them."""
    return learned_plan(name, folder / name / EVENTS, folder, destination)


def learned_plan(name: str, file: Path, folder: Path, destination: Destination | None) -> RunPlan:
    """Return the plan learned from a file of a session's events."""
    events = list(read_events(file))
    steps = dict.fromkeys(event.name for event in events if isinstance(event, StepEvent))
    on_aws = STEP in steps
    steps.pop(STEP, None)
    calls = dict.fromkeys(
        ApiCall(event.service, event.operation, event.bucket) for event in events if isinstance(event, CalledEvent)
    )
    names = dict.fromkeys((event.kind, event.name) for event in events if isinstance(event, CreatedEvent))
    planned = tuple(_plan_resources(events, destination))
    return RunPlan(name, tuple(steps), planned, folder, tuple(calls), on_aws, tuple(names))


def _last_passed(folders: Iterable[Path], name: str) -> Path | None:
    """Return the first folder whose run passed. A run that stopped early does not show all that a scenario creates."""
    for folder in folders:
        file = folder / name / EVENTS
        if file.is_file() and any(isinstance(event, EndEvent) and event.passed for event in read_events(file)):
            return folder
    return None


def _plan_resources(events: Sequence[Event], destination: Destination | None) -> Iterator[PlannedResource]:
    created = [event for event in events if isinstance(event, CreatedEvent)]
    configs = {event.name: event for event in created if kind_of(event.kind).is_definition}
    evidence = {(event.kind, event.title): event.content for event in events if isinstance(event, EvidenceEvent)}
    # A job that reused an earlier job's result took no time; its duration is that of the earlier job.
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
        yield PlannedResource(kind, event.step, machines, seconds, runs, images, name, event.at)


def _machines(
    instances: Sequence[Mapping[str, Any]], destination: Destination | None, step: str | None, kind: str
) -> Iterator[Machines]:
    for each in instances:
        stated = each["InstanceType"]
        instance_type = destination.instance_type(stated, step, kind) if destination else stated
        yield Machines(instance_type, int(each["InstanceCount"]))


def _execution_seconds(execution: Mapping[str, Any]) -> float:
    return _between(execution, "CreationTime", "LastModifiedTime") or 0.0


def _between(description: Mapping[str, Any], *members: str) -> float | None:
    try:
        start, end = (datetime.fromisoformat(str(description[member])) for member in members)
    except (KeyError, ValueError):
        return None
    return (end - start).total_seconds()


def _literal_steps(file: Path) -> Iterator[str]:
    """Yield the step titles that are literals in the file; a title built at run time cannot be known beforehand."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        match node:
            case ast.Call(func=ast.Attribute(attr="step"), args=[ast.Constant(value=str(sentence)), *_]):
                yield sentence
