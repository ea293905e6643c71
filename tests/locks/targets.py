"""Which locks there are: those that the catalogue of images names, and those of the harness's own environments."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from harness.contract.catalog import load_catalog
from harness.emulator.localstack import ENVIRONMENT as LOCALSTACK
from harness.profiles.sdk_environments import V3
from harness.runners.spec import Environment
from harness.runners.uv import BUILD_TOOLS
from tests.locks.compiling import Target

ROOT = Path(__file__).parents[2]
OWN_PYTHONS = ("3.10", "3.11", "3.12", "3.13")


def targets() -> Iterator[Target]:
    """Every lock once."""
    pythons: dict[Path, list[str]] = {}
    for image in load_catalog():
        for environment in image.locked.candidates:
            _add(pythons, environment)
    for lock, releases in pythons.items():
        yield Target(lock.with_suffix(".in"), lock, tuple(sorted(releases, key=lambda each: int(each.split(".")[1]))))
    yield Target(ROOT / "pyproject.toml", ROOT / ".ci" / "harness.lock", OWN_PYTHONS, groups=("dev",))
    own = {V3.lock: OWN_PYTHONS, LOCALSTACK.lock: ("3.11",), BUILD_TOOLS: ("3.7", "3.8", "3.9", *OWN_PYTHONS)}
    for lock, releases in own.items():
        assert lock is not None
        yield Target(lock.with_suffix(".in"), lock, releases)


def _add(pythons: dict[Path, list[str]], environment: Environment) -> None:
    assert environment.lock is not None
    assert environment.python is not None
    known = pythons.setdefault(environment.lock, [])
    if environment.python not in known:
        known.append(environment.python)
