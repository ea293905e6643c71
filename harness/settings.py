"""Settings: defaults, then ``harness.toml``, then ``HARNESS_*`` variables, then the command line.

Unknown keys and wrong types are errors that name them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from harness.kernel.errors import StateError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PREFIX = "HARNESS_"
FILE = "harness.toml"


@dataclass(frozen=True)
class Settings:
    """One field per setting; its name is the key in ``harness.toml`` and, in capitals, the ``HARNESS_`` variable."""

    state: Path = Path(".harness")
    """The state folder."""
    host: str = "127.0.0.1"
    port: int = 4599
    """0 picks a free port."""
    account: str = "123456789012"
    region: str = "us-east-1"
    describe_hold: float = 50.0
    """Seconds a waiting client's Describe is held open at most."""
    grace: float = 120.0
    """Seconds between SIGTERM and SIGKILL when a job is stopped."""
    warm_pool: bool = True
    """Keep parents that imported an image's libraries, so that its jobs start without importing them."""
    install: bool = True
    """Whether a job may have the environment of its image fetched from the package index."""
    max_parallel_jobs: int = 8
    ephemeral: bool = False
    """Keep nothing: the state lies in a temporary folder that goes with the emulator."""
    log_limit_mb: int = 1024
    """Output of one stream kept on disk; beyond it lines are counted, not kept."""


def load_settings(project: Path, **given: Any) -> Settings:
    """The settings in force for a project folder; ``given`` (the command line) wins where not None."""
    values: dict[str, Any] = {}
    file = project / FILE
    if file.exists():
        values.update(_from_file(file))
    values.update(_from_environment(os.environ))
    values.update({key: value for key, value in given.items() if value is not None})
    settings = replace(Settings(), **{key: _typed(key, value) for key, value in values.items()})
    return replace(settings, state=(project / settings.state).absolute())


def _known() -> dict[str, Any]:
    return {field.name: field.default for field in fields(Settings)}


def _from_file(file: Path) -> dict[str, Any]:
    try:
        table = tomllib.loads(file.read_text())
    except tomllib.TOMLDecodeError as error:
        raise StateError(f"{file.name} is not valid TOML: {error}") from error
    section = table.get("settings", {})
    for key in section:
        if key not in _known():
            raise StateError(f"{file.name}: unknown setting {key!r}; known: {', '.join(sorted(_known()))}")
    return dict(section)


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    return {key: environment[name] for key in _known() if (name := PREFIX + key.upper()) in environment}


def _typed(key: str, value: Any) -> Any:
    kind = type(_known()[key])
    try:
        if kind is bool and isinstance(value, str):
            return {"true": True, "1": True, "false": False, "0": False}[value.lower()]
        if kind in (int, float) and isinstance(value, bool):
            raise ValueError(value)
        return Path(value) if issubclass(kind, Path) else kind(value)
    except (KeyError, TypeError, ValueError) as error:
        raise StateError(f"setting {key!r}: {value!r} is not a valid {kind.__name__.lower()}") from error
