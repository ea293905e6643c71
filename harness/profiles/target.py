"""The interface of profiles: ``Profile`` says where scenarios run, ``OpenProfile`` plays them there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from harness.clients.emulator_process import DEFAULT, RunningEmulator, StartOptions
from harness.profiles.scenarios import Scenario
from harness.promotion.cost.budget import Prices
from harness.promotion.destination import Destination
from harness.scenario.events import EventReader
from harness.scenario.run_document import RequestRecording
from harness.scenario.run_folder import RunFolder
from harness.settings import Settings


class ScenarioProgram(Protocol):
    """A scenario's process while it runs."""

    def code(self) -> int | None:
        """Return its exit code, once it ended."""

    def terminate(self) -> None:
        """Request that it stops; it cleans up first."""

    def kill(self) -> None:
        """Kill it and the processes that it started."""


@dataclass(frozen=True)
class RunningScenario:
    """A scenario that runs: its process, its events and its files."""

    scenario: Scenario
    program: ScenarioProgram
    events: EventReader
    folder: RunFolder
    started: float
    notices: Callable[[], list[str]]
    """Returns what was noticed beside the scenario: hosts that it was refused."""

    @property
    def log(self) -> Path:
        """The output of its process."""
        return self.folder.log


@dataclass(frozen=True)
class CostLimit:
    """The budget of a whole run in dollars, None for none; and the prices, None without a price table."""

    dollars: float | None = None
    prices: Prices | None = None


@dataclass(frozen=True)
class PlayOptions:
    """The options of one ``harness run`` that its scenarios depend on."""

    reuse: bool = False
    """Whether jobs may be answered with the results of earlier ones."""
    recording: RequestRecording | None = None
    run_id: str = ""
    """The id of the run that this one continues."""
    cost_limit: CostLimit = field(default_factory=CostLimit)


NO_OPTIONS = PlayOptions()


class OpenProfile(Protocol):
    """A profile that is ready to play scenarios."""

    name: str
    address: str
    """Where scenarios run, for people: an emulator's address, or an account and region."""

    @property
    def stop_reason(self) -> str | None:
        """Why a guard stopped a run here, if one did."""

    def prepare(self, scenario: Scenario, progress: Callable[[str], None]) -> Path:
        """Prepare the scenario's environment and return its Python; report progress when that takes a while."""

    def play(self, scenario: Scenario, python: Path, folder: Path, data: Path | None) -> RunningScenario:
        """Start a scenario. ``folder`` gets its log, its events and its downloads."""

    def links(self) -> Callable[[str], str] | None:
        """Return a function that gives a browser's address for an S3 URI; None where there is none."""

    def keep_running(self) -> None:
        """Leave the emulator running, with what scenarios made, when the profile is closed."""


@dataclass(frozen=True)
class RunRequest:
    """The project, its settings, and the options with which an emulator is started."""

    settings: Settings
    root: Path
    start: StartOptions = DEFAULT
    table: Mapping[str, Any] = field(default_factory=dict)
    """The profile's own table of ``harness.toml``, without its kind."""


class Profile(Protocol):
    """A named way to run scenarios."""

    name: str

    @property
    def destination(self) -> Destination | None:
        """The AWS account in which scenarios run and cost money; None where nothing does."""

    @property
    def is_local(self) -> bool:
        """True when the emulator alone executes all jobs and models of a scenario."""

    def open(self, options: PlayOptions = NO_OPTIONS) -> AbstractContextManager[OpenProfile]:
        """Get ready to play scenarios; whatever was started for them is stopped at the end of the block."""

    def emulator(self, state: Path) -> AbstractContextManager[RunningEmulator]:
        """Use the emulator of a state folder in a block, and start it first where none runs.

        Raises ``StateError`` for a profile that has no emulator.
        """

    @property
    def local_mode(self) -> bool:
        """True when sessions are those of the SDK's local mode."""
