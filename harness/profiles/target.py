"""What a profile is: a name that gives a place, and a place that plays scenarios. Nothing else knows more of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from harness.clients.emulator_process import DEFAULT, StartOptions
from harness.profiles.scenarios import Scenario
from harness.scenario.events import EventReader
from harness.settings import Settings


class ScenarioProgram(Protocol):
    """A scenario's interpreter while it runs."""

    def code(self) -> int | None:
        """Its exit code, once it ended."""

    def terminate(self) -> None:
        """Ask it to stop; it cleans up first."""

    def kill(self) -> None: ...


@dataclass(frozen=True)
class RunningScenario:
    """A scenario that runs: its program, what it tells, what it prints, and what was noticed beside it."""

    scenario: Scenario
    program: ScenarioProgram
    events: EventReader
    log: Path
    started: float
    notices: Callable[[], list[str]]


class Target(Protocol):
    name: str
    address: str
    """Where it is, for people: an emulator's address, an account and region."""

    def prepare(self, scenario: Scenario, progress: Callable[[str], None]) -> Path:
        """What the scenario needs, and the Python it runs in; says what it does when that takes a while."""

    def play(self, scenario: Scenario, python: Path, folder: Path, data: Path | None) -> RunningScenario:
        """Start it. ``folder`` gets its log, its events and its downloads."""

    def links(self) -> Callable[[str], str] | None:
        """What gives the address at which a browser opens an object of a run, by its URI; None where there is none."""


@dataclass(frozen=True)
class RunRequest:
    """What the command line and ``harness.toml`` say about a run. ``configuration`` is the profile's own table."""

    settings: Settings
    root: Path
    wanted: StartOptions = DEFAULT
    configuration: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    """Further variables of scenarios' programs, where they play against an emulator."""


class Profile(Protocol):
    name: str

    def opened(self) -> AbstractContextManager[Target]:
        """The place, for as long as scenarios are played there; whatever was started for it ends with it."""
