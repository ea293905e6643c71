"""The local profile: scenarios against the emulator of this state folder, each in its own interpreter, offline."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

from harness.clients import offline_process
from harness.clients.blocked_hosts import BlockedHosts
from harness.clients.emulator_lease import persistent, shared
from harness.clients.emulator_process import DEFAULT, RunningEmulator
from harness.clients.environment import Target, wiring
from harness.clients.offline_process import OfflineProcess
from harness.kernel.cache import cache_folder
from harness.profiles.configuration import read_choices
from harness.profiles.scenarios import Scenario
from harness.profiles.sdk_environments import python_for
from harness.profiles.target import NO_OPTIONS, PlayOptions, RunningScenario, RunRequest
from harness.report.links import Link, signed_links
from harness.runners.process.interpreters import package_folders
from harness.scenario.events import EventReader
from harness.scenario.run_document import VARIABLE, EmulatorAccess, RunDocument
from harness.scenario.run_folder import RunFolder, new_run_id

PACKAGE = Path(__file__).resolve().parents[1]
_STARTING_THREADS = ("polars",)
"""Modules that start threads when imported, which a fork does not copy."""


class LocalProfile:
    """The emulator of the state folder: the one that runs there, or one that is started while the profile is open."""

    destination = None
    is_local = True
    local_mode = False

    def __init__(self, name: str, request: RunRequest, choices: Mapping[str, str] | None = None) -> None:
        self.name = name
        self._request = request
        choices = {**(choices or {}), **read_choices(name, request.table), **request.start.choices}
        self._start = replace(request.start, choices=choices)

    def emulator(self, state: Path) -> AbstractContextManager[RunningEmulator]:
        return shared(state, self._start)

    @contextlib.contextmanager
    def open(self, options: PlayOptions = NO_OPTIONS) -> Iterator[OpenLocalProfile]:
        with self.emulator(self._request.settings.state) as emulator:
            opened = OpenLocalProfile(self, self._request, emulator, options)
            yield opened
        if self.is_local and emulator.alive():
            opened.prepare_interpreters()


class OpenLocalProfile:
    """Plays scenarios against one emulator, each in its own interpreter and offline."""

    stop_reason = None

    def __init__(
        self, profile: LocalProfile, request: RunRequest, emulator: RunningEmulator, options: PlayOptions
    ) -> None:
        self.name = profile.name
        self.address = emulator.address
        self._profile = profile
        self._settings = request.settings
        self._root = request.root
        self._emulator = emulator
        self._options = options
        self._played: list[tuple[list[str], dict[str, str], tuple[str, ...]]] = []

    def prepare(self, scenario: Scenario, progress: Callable[[str], None]) -> Path:
        """Return the scenario's Python; building its environment is the only step that may use the network."""
        return python_for(scenario.sdk, progress)

    def play(self, scenario: Scenario, python: Path, folder: Path, data: Path | None) -> RunningScenario:
        facts = self._emulator.facts()
        target = Target(self._emulator.address, facts["region"], facts["account"], self._emulator.client_secret())
        own = RunFolder(folder).prepare()
        document = self._document(scenario, target, own, data)
        document.write(own.document)
        environment = self._environment(target, document) | {VARIABLE: str(own.document)}
        argv = [str(python), "-m", "harness.play", str(scenario.file)]
        started, refusals = time.time(), BlockedHosts(self._emulator)
        modules = _select_installed(scenario.imports, python)
        program = OfflineProcess(argv, environment, self._emulator, own.log, modules)
        self._played.append((argv, environment, modules))
        return RunningScenario(scenario, program, EventReader(own.events), own, started, refusals.lines)

    def links(self) -> Link | None:
        """Return links that are signed with the keys of the scenarios."""
        if not self._played:
            return None
        keys = self._played[-1][1]
        names = ("AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
        return signed_links(self.address, *(keys[name] for name in names))

    def keep_running(self) -> None:
        """Leave the emulator running, as if ``harness start`` had started it."""
        persistent(self._settings.state, DEFAULT)

    def prepare_interpreters(self) -> None:
        """Have the emulator keep interpreters that have imported the scenarios' libraries, for the next run."""
        for argv, environment, modules in self._played:
            offline_process.prepare(argv, environment, self._emulator, modules)

    def _document(self, scenario: Scenario, target: Target, own: RunFolder, data: Path | None) -> RunDocument:
        run = self._options.run_id or new_run_id()
        return RunDocument(
            run_id=run,
            region=target.region,
            role=target.role,
            bucket=target.bucket,
            fixtures=self._root / "fixtures",
            generated_fixtures=cache_folder("fixtures"),
            work=own.work,
            events=own.events,
            data=data,
            emulator=EmulatorAccess(f"{self._emulator.address}/_harness", str(self._emulator.token_file)),
            reuse=self._options.reuse,
            recording=self._options.recording,
            local_mode=self._profile.local_mode,
        )

    def _environment(self, target: Target, document: RunDocument) -> dict[str, str]:
        """Return the environment of the scenario's process: what leads its clients to the emulator."""
        client = self._settings.state / "client"
        changes = wiring(target, client, os.environ, offline=True, sdk_defaults=False).applied_to(os.environ)
        changes["PYTHONPATH"] = os.pathsep.join([changes["PYTHONPATH"], own_library(client)])
        changes["PYTHONUNBUFFERED"] = "1"
        if document.reuse:
            # Every SDK puts this into the User-Agent of its requests: so only this run's jobs are reused.
            changes["AWS_SDK_UA_APP_ID"] = "harness-reuse"
        if document.local_mode:
            # The start-up shim refuses the one local mode that would use Docker Engine beside the SDK's session.
            changes["HARNESS_LOCAL_MODE"] = "1"
        return changes


def _select_installed(modules: Sequence[str], python: Path) -> tuple[str, ...]:
    """Select the modules that are installed for this interpreter: those of a project change between two runs."""
    folders = package_folders(python)
    return tuple(
        name
        for name in modules
        if (top := name.partition(".")[0]) not in _STARTING_THREADS
        and any((folder / top).is_dir() or (folder / f"{top}.py").is_file() for folder in folders)
    )


def own_library(client: Path) -> str:
    """Make a folder with this package and nothing else, for interpreters of other environments."""
    library = client / "library"
    library.mkdir(parents=True, exist_ok=True)
    link = library / PACKAGE.name
    if not link.is_symlink() or link.readlink() != PACKAGE:
        fresh = library / f".{PACKAGE.name}.{os.getpid()}"
        fresh.symlink_to(PACKAGE)
        fresh.replace(link)
    return str(library)
