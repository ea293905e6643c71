"""The Python a scenario runs in: one environment for each generation of the SageMaker SDK, as they exclude each other.

v2 lives in the harness's own environment; v3's is built once by ``uv`` from the lock beside this file.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

from harness.kernel.errors import StateError
from harness.runners.process.environments import Environments
from harness.runners.process.errors import EnvironmentMissing
from harness.runners.spec import Environment

V3 = Environment("sdk-v3", Path(__file__).parent / "environments" / "sdk-v3.lock")
"""On the harness's own release of Python, which is there whatever else is not."""


def own_generation() -> str | None:
    """The generation installed beside the harness."""
    try:
        return "v" + metadata.version("sagemaker").split(".")[0]
    except metadata.PackageNotFoundError:
        return None


def python_for(generation: str, progress: Callable[[str], None]) -> Path:
    """The interpreter for a generation; v3's environment is built when it is not there yet."""
    if generation == own_generation():
        return Path(sys.executable)
    if generation == "v2":
        raise StateError(
            "SageMaker SDK v2 is not installed here", "install it with: pip install 'sagemaker[local]>=2.257,<3'"
        )
    try:
        return Environments().build(V3, progress)
    except EnvironmentMissing as error:
        raise StateError(str(error)) from error


def is_installed(generation: str) -> bool:
    if generation == own_generation():
        return True
    try:
        return generation == "v3" and Environments().path(V3).exists()
    except EnvironmentMissing:
        return False
