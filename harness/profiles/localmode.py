"""The localmode profile: the SDK's local mode runs a scenario's containers, the emulator does the rest.

Scenarios stay in the machine's network, where the containers' ports are; the shim keeps them offline.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

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
from harness.profiles.local import LocalProfile
from harness.profiles.target import RunRequest
from harness.scenario.run_document import LocalModeInstructions
from harness.settings import read_project

FOLDER = "localmode"
OWNER_LABEL = "harness.owner"
"""The label with the process that plays the scenario: containers of one that is gone are left over."""


class LocalModeProfile(LocalProfile):
    """The SDK's local mode in Docker Engine, with the emulator of the state folder beside it."""

    is_local = False

    def __init__(self, name: str, request: RunRequest) -> None:
        super().__init__(name, request)
        self._images = dict(read_project(request.root).images)

    @contextlib.contextmanager
    def emulator(self, state: Path) -> Iterator[RunningEmulator]:
        check_engine()
        sweep(state)
        with super().emulator(state) as emulator:
            try:
                yield emulator
            finally:
                remove_left(state)

    def local_mode(self, name: str, run: str, state: Path) -> LocalModeInstructions | None:
        return LocalModeInstructions(
            folder=state / FOLDER / str(os.getpid()) / run,
            labels={**_labels(state), RUN_LABEL: f"{name}-{run}"},
            images=self._images,
        )


def remove_left(state: Path) -> None:
    """Remove the containers and folders that sessions of this process left behind."""
    remove(containers_with(_labels(state)))
    remove_tree(state / FOLDER / str(os.getpid()))


def _labels(state: Path) -> dict[str, str]:
    return {STATE_LABEL: str(state), OWNER_LABEL: str(os.getpid())}


def check_engine() -> None:
    """Check what local mode needs of the machine; ``StateError`` says what to do."""
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
    """Remove containers and folders of earlier runs on this state folder whose process is gone."""
    left = []
    for container in containers_with({STATE_LABEL: str(state)}):
        owner = labels_of(container).get(OWNER_LABEL, "")
        if owner and not process_alive(int(owner)):
            left.append(container)
    remove(left)
    for folder in (state / FOLDER).glob("[0-9]*"):
        if not process_alive(int(folder.name)):
            remove_tree(folder)
