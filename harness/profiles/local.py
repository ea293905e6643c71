"""The local profile: scenarios against the emulator of this state folder, each in its own interpreter, offline."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from harness.clients import offline_process
from harness.clients.admin_api import TOKEN_FILE
from harness.clients.blocked_hosts import Refusals
from harness.clients.emulator_lease import persistent, shared
from harness.clients.emulator_process import DEFAULT, RunningEmulator
from harness.clients.environment import Target, wiring
from harness.clients.offline_process import OfflineProcess
from harness.kernel.cache import cache_folder
from harness.profiles.scenarios import Scenario
from harness.profiles.sdk_environments import python_for
from harness.profiles.target import RunningScenario, RunRequest
from harness.report.links import Link, signed_links
from harness.runners.process.interpreters import package_folders
from harness.scenario.events import EventReader
from harness.scenario.run_folder import RunFolder, new_run_id
from harness.settings import Settings

PACKAGE = Path(__file__).resolve().parents[1]
_STARTING_THREADS = ("polars",)
"""Importing these starts threads, which a fork does not take along."""


class LocalProfile:
    """The emulator of the state folder: the one that runs there, or one for as long as this is open."""

    def __init__(self, name: str, asked: RunRequest, choices: Mapping[str, str] | None = None) -> None:
        self.name = name
        self._asked = asked
        self._choices = choices or {}

    @contextlib.contextmanager
    def opened(self) -> Iterator[LocalPlace]:
        asked = self._asked
        wanted = replace(asked.wanted, choices={**self._choices, **asked.wanted.choices})
        with shared(asked.settings.state, wanted) as emulator:
            place = LocalPlace(self.name, asked.settings, emulator, asked.root, asked.environment)
            yield place
        if emulator.alive():
            place.stand_ready()


class LocalPlace:
    enclosed = True
    """Whether a scenario has a network of its own, with nothing in it but the emulator."""

    def __init__(
        self,
        name: str,
        settings: Settings,
        emulator: RunningEmulator,
        root: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self._settings = settings
        self._emulator = emulator
        self._root = root
        self._more = environment or {}
        self.address = emulator.address
        self._played: list[tuple[list[str], dict[str, str], tuple[str, ...]]] = []

    def prepare(self, scenario: Scenario, progress: Callable[[str], None]) -> Path:
        """The scenario's Python; building its environment is the only thing here that may use the network."""
        return python_for(scenario.sdk, progress)

    def play(self, scenario: Scenario, python: Path, folder: Path, data: Path | None) -> RunningScenario:
        """Start it. ``folder`` gets its log, its events and its downloads."""
        own = RunFolder(folder).cleared()
        environment = self._environment(scenario, data) | own.told()
        argv = [str(python), "-m", "harness.play", str(scenario.file)]
        started, refusals = time.time(), Refusals(self._emulator)
        modules = _installed(scenario.imports, python)
        program = OfflineProcess(argv, environment, self._emulator, own.log, modules, enclosed=self.enclosed)
        self._played.append((argv, environment, modules))
        return RunningScenario(scenario, program, EventReader(own.events), own.log, started, refusals.told)

    def links(self) -> Link | None:
        """Signed with the keys that the scenarios had."""
        if not self._played:
            return None
        keys = self._played[-1][1]
        names = ("AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
        return signed_links(self.address, *(keys[name] for name in names))

    def stay(self) -> None:
        """The emulator goes on running when this is closed, as if ``harness start`` had started it."""
        persistent(self._settings.state, DEFAULT)

    def stand_ready(self) -> None:
        """In an emulator that stays: interpreters that have imported what the scenarios import, for the next run."""
        for argv, environment, modules in self._played:
            offline_process.prepare(argv, environment, self._emulator, modules)

    def _environment(self, scenario: Scenario, data: Path | None) -> dict[str, str]:
        facts = self._emulator.facts()
        target = Target(self._emulator.address, facts["region"], facts["account"], self._emulator.client_secret())
        client = self._settings.state / "client"
        changes = wiring(target, client, os.environ, offline=True, sdk_defaults=False).applied_to(os.environ)
        library = own_library(client)
        return changes | {
            "PYTHONPATH": os.pathsep.join([changes["PYTHONPATH"], library]),
            "PYTHONUNBUFFERED": "1",
            "HARNESS_ROLE": target.role,
            "HARNESS_BUCKET": target.bucket,
            "HARNESS_RUN_ID": new_run_id(),
            "HARNESS_FIXTURES": str(self._root / "fixtures"),
            "HARNESS_MADE": str(cache_folder("fixtures")),
            "HARNESS_CLOCK": f"{self._emulator.address}/_harness/clock",
            TOKEN_FILE: str(self._emulator.token_file),
            "HARNESS_DATA": str(data) if data else "",
            **self._more,
        }


def _installed(modules: Sequence[str], python: Path) -> tuple[str, ...]:
    """Those that were installed for this interpreter. What lies in a project changes between two runs."""
    folders = package_folders(python)
    return tuple(
        name
        for name in modules
        if (top := name.partition(".")[0]) not in _STARTING_THREADS
        and any((folder / top).is_dir() or (folder / f"{top}.py").is_file() for folder in folders)
    )


def own_library(client: Path) -> str:
    """A folder with this package and nothing else, for interpreters of other environments."""
    library = client / "library"
    library.mkdir(parents=True, exist_ok=True)
    link = library / PACKAGE.name
    if not link.is_symlink() or link.readlink() != PACKAGE:
        fresh = library / f".{PACKAGE.name}.{os.getpid()}"
        fresh.symlink_to(PACKAGE)
        fresh.replace(link)
    return str(library)
