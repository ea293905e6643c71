"""The localmode profile: the SDK's local mode runs a scenario's containers, the emulator stands beside it.

Scenarios stay in the machine's network, where the containers' ports are; the shim keeps them offline.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from harness.clients.emulator_lease import shared
from harness.clients.emulator_process import RunningEmulator, process_alive
from harness.kernel.errors import StateError
from harness.kernel.removal import remove_tree
from harness.localmode.container_engine import (
    RUN_LABEL,
    STATE_LABEL,
    EngineFailed,
    containers_with,
    docker,
    labels_of,
    remove,
)
from harness.profiles.local import LocalPlace
from harness.profiles.scenarios import Scenario
from harness.profiles.target import RunRequest
from harness.settings import read_project

FOLDER = "localmode"
OWNER_LABEL = "harness.owner"
"""The process that plays the scenario: containers of one that is gone are left-overs."""


class LocalModeProfile:
    """The emulator of the state folder beside, an engine and compose on this machine."""

    def __init__(self, name: str, asked: RunRequest) -> None:
        self.name = name
        self._asked = asked

    @contextlib.contextmanager
    def opened(self) -> Iterator[LocalModePlace]:
        asked = self._asked
        check_engine()
        sweep(asked.settings.state)
        images = read_project(asked.root).images
        with shared(asked.settings.state, asked.wanted) as emulator:
            place = LocalModePlace(self.name, asked, emulator, images)
            try:
                yield place
            finally:
                place.close()


class LocalModePlace(LocalPlace):
    enclosed = False

    def __init__(self, name: str, asked: RunRequest, emulator: RunningEmulator, images: Mapping[str, str]) -> None:
        super().__init__(name, asked.settings, emulator, asked.root)
        self._images = dict(images)

    def stand_ready(self) -> None:
        """Interpreters that stand ready are enclosed; these are not."""

    def close(self) -> None:
        remove_left(self._settings.state)

    def _environment(self, scenario: Scenario, data: Path | None) -> dict[str, str]:
        environment = super()._environment(scenario, data)
        told = told_to(scenario.name, environment["HARNESS_RUN_ID"], self._settings.state, self._images)
        return environment | {"HARNESS_LOCAL_MODE": told}


def told_to(name: str, run: str, state: Path, images: Mapping[str, str]) -> str:
    """What a session of local mode is told in ``HARNESS_LOCAL_MODE``: its folder, its containers' labels, images."""
    told = {
        "folder": str(state / FOLDER / str(os.getpid()) / run),
        "labels": {**_labels(state), RUN_LABEL: f"{name}-{run}"},
        "images": dict(images),
    }
    return json.dumps(told)


def remove_left(state: Path) -> None:
    """Whatever sessions of this process left that could not clean up after themselves."""
    remove(containers_with(_labels(state)))
    remove_tree(state / FOLDER / str(os.getpid()))


def _labels(state: Path) -> dict[str, str]:
    return {STATE_LABEL: str(state), OWNER_LABEL: str(os.getpid())}


def check_engine() -> None:
    """What local mode needs of the machine; ``StateError`` says what to do."""
    try:
        docker("version", "--format", "{{.Server.Version}}")
    except EngineFailed as error:
        raise StateError(
            f"the localmode profile needs Docker Engine ({error})",
            "start it, or use `--profile local`, or `harness exec --local-mode` for code with instance_type='local'",
        ) from error
    if not _has_compose():
        raise StateError("the localmode profile needs Docker Compose", "install `docker compose` or `docker-compose`")


def _has_compose() -> bool:
    if shutil.which("docker-compose"):
        return True
    try:
        return bool(docker("compose", "version"))
    except EngineFailed:
        return False


def sweep(state: Path) -> None:
    """Containers and folders of runs on this state folder whose player is gone."""
    left = []
    for container in containers_with({STATE_LABEL: str(state)}):
        owner = labels_of(container).get(OWNER_LABEL, "")
        if owner and not process_alive(int(owner)):
            left.append(container)
    remove(left)
    for folder in (state / FOLDER).glob("[0-9]*"):
        if not process_alive(int(folder.name)):
            remove_tree(folder)
