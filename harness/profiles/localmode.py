"""The localmode profile: the local profile with jobs in the containers of the SageMaker SDK's own local mode."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

from harness.clients.emulator_process import RunningEmulator
from harness.kernel.errors import StateError
from harness.profiles.local import LocalProfile
from harness.profiles.target import RunRequest
from harness.runners.docker.errors import EngineRefusal
from harness.runners.sdk_local.launch import check_compose


class LocalModeProfile(LocalProfile):
    local_mode = True

    def __init__(self, name: str, request: RunRequest) -> None:
        super().__init__(name, request, {"runner": "sdk-local"})

    @contextlib.contextmanager
    def emulator(self, state: Path) -> Iterator[RunningEmulator]:
        check_engine()
        with super().emulator(state) as emulator:
            yield emulator


def check_engine() -> None:
    """Look for what local mode needs on the machine; ``StateError`` says what to do."""
    try:
        _ask_docker()
        check_compose()
    except EngineRefusal as refusal:
        raise StateError(
            f"the localmode profile needs Docker Engine and Docker Compose ({refusal})",
            "or use `--profile local`, or `harness exec --local-mode` for code with instance_type='local'",
        ) from refusal


def _ask_docker() -> None:
    """The SDK starts Compose and Docker by their commands."""
    command = ["docker", "version", "--format", "{{.Server.Version}}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise EngineRefusal("the docker command is not on the PATH") from error
    if done.returncode:
        raise EngineRefusal(done.stderr.strip() or "it does not answer")
