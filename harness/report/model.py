"""The report as values: folded from a scenario's events, written out as they are to ``report.json``.

What a field is called here, ``schema/report.schema.json`` publishes: a change of one is a change of the other.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from harness.kernel.kinds import KINDS
from harness.kernel.masking import mask, mask_text
from harness.scenario.events import (
    CreatedEvent,
    EndEvent,
    Event,
    EvidenceEvent,
    ExpectationEvent,
    KeptEvent,
    LibrariesEvent,
    ReusedEvent,
    StepEvent,
)

RESOURCES = tuple(kind.noun for kind in KINDS.values() if kind.lifecycle)


@dataclass
class Expectation:
    text: str
    passed: bool
    evidence: str = ""


@dataclass
class Step:
    name: str
    started: float
    seconds: float = 0.0
    state: str = "running"
    error: str = ""
    expectations: list[Expectation] = field(default_factory=list)
    reused: list[str] = field(default_factory=list)
    """Jobs that were answered with what earlier ones made."""
    replayed: bool = False
    """Its requests were answered from the recording of the run that this one went on from."""
    changed: list[str] = field(default_factory=list)
    """What it asked for beside that recording, and really did."""


@dataclass
class Resource:
    """A job, endpoint or schedule of the run. ``started`` and ``ended`` are the service's own times, None for what has
    no run of its own; ``created`` is when it was asked for, by this machine's clock, and ``step`` where."""

    kind: str
    name: str
    status: str
    started: str | None
    ended: str | None
    description: dict[str, Any]
    curves: dict[str, list[float]] = field(default_factory=dict)
    log_tail: list[str] = field(default_factory=list)
    created: float | None = None
    step: str | None = None
    reused_from: str = ""
    """The job whose result it was answered with; empty for one that ran."""


@dataclass
class Evidence:
    kind: str
    title: str
    step: str | None
    content: dict[str, Any]


@dataclass
class ScenarioReport:
    """One scenario's run. ``fold`` takes its events one by one, in order."""

    name: str
    title: str
    sdk: str
    started: float
    seconds: float = 0.0
    passed: bool = False
    ended: bool = False
    interrupted: bool = False
    traceback: str = ""
    log_tail: list[str] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    resources: list[Resource] = field(default_factory=list)
    evidence: list[Evidence] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    """What was noticed beside the scenario: hosts that were refused."""
    libraries: dict[str, str] = field(default_factory=dict)
    """Their versions where the scenario ran."""
    kept: str = ""
    """The run that failed and left everything as it was, to be gone on from."""

    @property
    def verdict(self) -> str:
        """``passed``, ``failed``, or ``interrupted``: who pressed Ctrl-C need not look for a failure."""
        return "passed" if self.passed else "interrupted" if self.interrupted else "failed"

    def __post_init__(self) -> None:
        self._created: dict[tuple[str, str], CreatedEvent] = {}
        self._reused: dict[tuple[str, str], str] = {}

    def fold(self, event: Event) -> None:
        """Take one event into the report."""
        self.seconds = max(self.seconds, event.at - self.started)
        match event:
            case StepEvent():
                self._step(event)
            case ExpectationEvent():
                met = Expectation(event.text, event.passed, mask_text(event.evidence))
                self._expecting(event).expectations.append(met)
            case CreatedEvent():
                self._created[event.kind, event.name] = event
            case ReusedEvent():
                self._reused[event.kind, event.name] = event.source
                for step in self.steps[-1:]:
                    step.reused.append(event.name)
            case KeptEvent():
                self.kept = event.run
            case EvidenceEvent():
                self._evidence(event)
            case LibrariesEvent():
                self.libraries = event.versions
            case EndEvent():
                self.ended, self.passed, self.interrupted = True, event.passed, event.interrupted
                self.traceback = mask_text(event.traceback)

    def close(self, at: float, reason: str) -> None:
        """Complete the report of a process that has ended; ``reason`` explains a step that did not end."""
        self.seconds = at - self.started
        for step in self.steps:
            if step.state == "running":
                step.state, step.seconds, step.error = "failed", at - step.started, step.error or reason
        if not self.ended:
            self.passed, self.traceback = False, self.traceback or reason

    @property
    def failed_step(self) -> Step | None:
        return next((step for step in self.steps if step.state == "failed"), None)

    @property
    def expectations(self) -> list[Expectation]:
        return [expectation for step in self.steps for expectation in step.expectations]

    def _step(self, event: StepEvent) -> None:
        if event.state == "started":
            self.steps.append(Step(event.name, event.at))
            return
        step = next(step for step in reversed(self.steps) if step.name == event.name)
        step.state, step.seconds, step.error = event.state, event.at - step.started, event.error
        step.replayed, step.changed = event.replayed, list(event.changed)

    def _expecting(self, event: ExpectationEvent) -> Step:
        """An expectation stated outside every step gets one of its own."""
        named = [step for step in self.steps if step.name == event.step]
        if not named:
            self.steps.append(Step(event.step or "Expectations", event.at, state="passed"))
        return named[-1] if named else self.steps[-1]

    def _evidence(self, event: EvidenceEvent) -> None:
        kind, content = event.kind, event.content
        if kind != "artifact":
            content = mask(content)
        if kind not in RESOURCES:
            self.evidence.append(Evidence(kind, event.title, event.step, content))
            return
        description = content["description"]
        started, ended = KINDS[kind].times
        created = self._created.get((kind, event.title))
        self.resources.append(
            Resource(
                kind=kind,
                name=event.title,
                status=str(description.get(f"{kind}Status", "")),
                started=description.get(started),
                ended=description.get(ended),
                description=description,
                curves=content.get("curves", {}),
                log_tail=content.get("log_tail", []),
                created=created.at if created else None,
                step=created.step if created else None,
                reused_from=self._reused.get((kind, event.title), ""),
            )
        )


@dataclass
class Report:
    """One ``harness run``."""

    version: str
    profile: str
    address: str
    started: str
    seconds: float
    scenarios: list[ScenarioReport]
    data: str = ""
    """The file given with ``--data``; empty where scenarios took their own."""
    unplayed: list[str] = field(default_factory=list)
    """Scenarios that were asked for and did not begin: the run was interrupted before."""

    @property
    def passed(self) -> bool:
        return not self.unplayed and all(scenario.passed for scenario in self.scenarios)

    @property
    def verdict(self) -> str:
        """A failure weighs more than an interruption."""
        verdicts = {scenario.verdict for scenario in self.scenarios} | ({"interrupted"} if self.unplayed else set())
        return next((worst for worst in ("failed", "interrupted") if worst in verdicts), "passed")


def fold(report: ScenarioReport, events: Iterable[Event]) -> ScenarioReport:
    for event in events:
        report.fold(event)
    return report
