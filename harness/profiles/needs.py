"""The parts that ``needs(part)`` may name, and whether this machine has them. Each is looked at once."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from functools import cache

from harness.profiles.sdk_environments import own_generation

Part = tuple[Callable[[], bool], str]
"""Whether it is there, and what to say when it is not."""


@cache
def works(*command: str) -> bool:
    """Return True when a command exists and succeeds."""
    if shutil.which(command[0]) is None:
        return False
    try:
        return subprocess.run(command, capture_output=True, check=False, timeout=20).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _namespaces() -> bool:
    kinds = ("--mount", "--net", "--pid", "--fork", "true")
    return works("unshare", *kinds) or works("unshare", "--user", "--map-root-user", *kinds)


def _localstack() -> bool:
    from harness.emulator.localstack import ENVIRONMENT
    from harness.runners.process.environments import Environments
    from harness.runners.process.errors import EnvironmentMissing

    try:
        return Environments().path(ENVIRONMENT).exists()
    except EnvironmentMissing:
        return False


def _sdk(generation: str) -> bool:
    return own_generation() == generation


def read_required_parts() -> set[str]:
    """Parts whose absence is a failure here (CI): ``HARNESS_REQUIRE=docker,browser``."""
    return {part.strip() for part in os.environ.get("HARNESS_REQUIRE", "").split(",") if part.strip()}


PARTS: Mapping[str, Part] = {
    "docker": (lambda: works("docker", "info"), "no Docker engine answers"),
    "localstack": (_localstack, "LocalStack's environment is not installed"),
    "browser": (
        lambda: any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))),
        "no Chromium on PATH",
    ),
    "namespaces": (_namespaces, "namespaces are refused"),
    "proot": (lambda: shutil.which("proot") is not None, "proot is not installed"),
    "root": (lambda: os.geteuid() == 0, "only root can do this"),
    "sdk-v2": (lambda: _sdk("v2"), "SageMaker SDK v2 is not installed here"),
    "sdk-v3": (lambda: _sdk("v3"), "SageMaker SDK v3 is not installed here"),
}
