"""The data model of the report. It is built from the events of scenarios and written as it is to ``report.json``.

The names of the fields are public: ``schema/report.schema.json`` describes them. Change both together.
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
    """A statement of a scenario, and whether it was true. ``evidence`` says what was seen instead."""

    text: str
    passed: bool
    evidence: str = ""


@dataclass
class Step:
    """One step of a scenario."""

    name: str
    started: float
    seconds: float = 0.0
    state: str = "running"
    error: str = ""
    expectations: list[Expectation] = field(default_factory=list)
    reused: list[str] = field(default_factory=list)
    """Names of jobs that did not run, because the result of an earlier job was used."""
    replayed: bool = False
    """Whether its requests were answered from the recording of the run that this run resumes."""
    changed: list[str] = field(default_factory=list)
    """Requests that were not in that recording, and were therefore carried out."""


@dataclass
class Resource:
    """A job, endpoint or schedule of the run.

    ``started`` and ``ended`` are times of the service, None for what does not run by itself. ``created`` is the time of
    the Create request by this machine's clock, and ``step`` the step that sent it.
    """

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
    """Name of the earlier job whose result was used; empty if the job ran."""


@dataclass
class Evidence:
    """Data that a scenario adds to its report; ``kind`` says how it is drawn."""

    kind: str
    title: str
    step: str | None
    content: dict[str, Any]


@dataclass
class ScenarioReport:
    """The run of one scenario. ``fold`` takes its events one by one, in order."""

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
    """Remarks about the run, such as hosts that the scenario was not allowed to reach."""
    libraries: dict[str, str] = field(default_factory=dict)
    """Name of each library -> its version in the environment of the scenario."""
    kept: str = ""
    """Id of the failed run if its resources were kept so that it can be resumed; else empty."""

    @property
    def verdict(self) -> str:
        """The result: ``passed``, ``failed``, or ``interrupted`` (by Ctrl-C, so that nobody looks for a failure)."""
        return "passed" if self.passed else "interrupted" if self.interrupted else "failed"

    def __post_init__(self) -> None:
        self._created: dict[tuple[str, str], CreatedEvent] = {}
        self._reused: dict[tuple[str, str], str] = {}

    def fold(self, event: Event) -> None:
        """Add one event to the report."""
        self.seconds = max(self.seconds, event.at - self.started)
        match event:
            case StepEvent():
                self._add_step(event)
            case ExpectationEvent():
                expectation = Expectation(event.text, event.passed, mask_text(event.evidence))
                self._step_of(event).expectations.append(expectation)
            case CreatedEvent():
                self._created[event.kind, event.name] = event
            case ReusedEvent():
                self._reused[event.kind, event.name] = event.source
                for step in self.steps[-1:]:
                    step.reused.append(event.name)
            case KeptEvent():
                self.kept = event.run
            case EvidenceEvent():
                self._add_evidence(event)
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

    def _add_step(self, event: StepEvent) -> None:
        if event.state == "started":
            self.steps.append(Step(event.name, event.at))
            return
        step = next(step for step in reversed(self.steps) if step.name == event.name)
        step.state, step.seconds, step.error = event.state, event.at - step.started, event.error
        step.replayed, step.changed = event.replayed, list(event.changed)

    def _step_of(self, event: ExpectationEvent) -> Step:
        """Return the step of an expectation; one that is stated outside every step gets a step of its own."""
        named = [step for step in self.steps if step.name == event.step]
        if not named:
            self.steps.append(Step(event.step or "Expectations", event.at, state="passed"))
        return named[-1] if named else self.steps[-1]

    def _add_evidence(self, event: EvidenceEvent) -> None:
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
    """The report of one ``harness run``."""

    version: str
    profile: str
    address: str
    started: str
    seconds: float
    scenarios: list[ScenarioReport]
    data: str = ""
    """The file named by ``--data``; empty if scenarios used their own data."""
    unplayed: list[str] = field(default_factory=list)
    """Scenarios that did not start because the run was interrupted before."""

    @property
    def passed(self) -> bool:
        return not self.unplayed and all(scenario.passed for scenario in self.scenarios)

    @property
    def verdict(self) -> str:
        """The worst verdict of the scenarios, where a failure is worse than an interruption."""
        verdicts = {scenario.verdict for scenario in self.scenarios} | ({"interrupted"} if self.unplayed else set())
        return next((worst for worst in ("failed", "interrupted") if worst in verdicts), "passed")


def fold(report: ScenarioReport, events: Iterable[Event]) -> ScenarioReport:
    """Add events to a scenario's report, and return it."""
    for event in events:
        report.fold(event)
    return report
