"""Settings: defaults, then ``harness.toml``, then ``HARNESS_*`` variables, then the command line.

Unknown keys and wrong types are errors that name them.
"""

from __future__ import annotations

import difflib
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from harness.kernel.addresses import is_loopback
from harness.kernel.errors import ConfigurationError, StateError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PREFIX = "HARNESS_"
FILE = "harness.toml"
CHOICES = {"runner": ("process", "docker", "sdk-local"), "aws_backend": ("moto", "localstack")}
"""Settings that take one of a few words."""
OTHER_VARIABLES = (
    *("CACHE", "DOCKER_BASE", "IMAGE_TAG", "LOCALSTACK", "LOCALSTACK_IMAGE", "LOCAL_MODE", "OFFLINE", "OFFLINE_ALLOW"),
    *("REQUIRE", "ROOTS", "RUN_DOCUMENT", "S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY", "S3_SESSION_TOKEN"),
    "SHOW_ENVIRONMENT",
)
"""The ``HARNESS_`` variables that are no settings, those between harness's own processes included."""
ALIKE = 0.84
"""How near to a known name one is taken for a misspelt one: others' variables begin with HARNESS_ too."""
LOCALSTACK_ACCOUNT = "000000000000"
"""Whose are, on a LocalStack, requests with any other key: the neighbouring tools' own."""


@dataclass(frozen=True)
class Settings:
    """One field per setting; its name is the key in ``harness.toml`` and, in capitals, the ``HARNESS_`` variable."""

    state: Path = Path(".harness")
    """The state folder."""
    host: str = "127.0.0.1"
    """The address to listen at."""
    port: int = 4599
    """0 picks a free port."""
    allowed_hosts: tuple[str, ...] = ()
    """Further names by which clients reach the emulator, each also with a bucket's name before it."""
    allow_other_users: bool = False
    """Answer processes of other users of this machine, too."""
    client_secret: str = ""
    """The secret that clients sign with; empty: a random one, kept in the state folder."""
    account: str = "123456789012"
    """Whose resources they are: the account of callers whose access key is not an account of its own."""
    region: str = "us-east-1"
    """The region of the clients that `exec`, `run` and `env` wire."""
    roles: tuple[str, ...] = ("AmazonSageMaker-ExecutionRole",)
    """Execution roles that exist from the start, by name or path and name, for programs that name one of theirs."""
    describe_hold: float = 50.0
    """Seconds a waiting client's Describe is held open at most."""
    grace: float = 120.0
    """Seconds between SIGTERM and SIGKILL when a job is stopped."""
    warm_pool: bool = True
    """Keep parents that imported an image's libraries, so that its jobs start without importing them."""
    install: bool = True
    """Whether a job may have the environment of its image fetched from the package index, and install packages."""
    max_parallel_jobs: int = 8
    """Jobs that run at the same time; others wait."""
    runner: str = "process"
    """What executes jobs and model servers: "process" (no Docker), "docker" (Docker Engine) or "sdk-local" (the
    SageMaker SDK's own local mode in Docker Engine)."""
    aws_backend: str = "moto"
    """What answers S3, IAM, STS, Logs… behind the emulator's address: "moto" (embedded) or "localstack"."""
    s3_url: str = ""
    """Any S3-compatible service that holds the objects instead; its keys come from the environment."""
    ephemeral: bool = False
    """Keep nothing: the state lies in a temporary folder that goes with the emulator."""
    log_limit_mb: int = 1024
    """Output of one stream kept on disk; beyond it lines are counted, not kept."""
    reuse: bool = False
    """Answer jobs that were done before, on the same inputs by the same program, with what they made then."""
    reuse_limit_mb: int = 2048
    """What is kept for that in the cache folder; what was not used for longest goes first."""
    images: Mapping[str, str] = field(default_factory=dict)
    """No key of [settings]: the table [images] of the project's file."""
    project: Path = Path()
    """No key of [settings]: the project's folder, which no job may see; the working directory where none is known."""


def exposure(settings: Settings) -> str:
    """Return the warning for an emulator that listens on other addresses than loopback, else an empty text."""
    if is_loopback(settings.host):
        return ""
    return (
        f"listening on {settings.host}: without a firewall, other machines of the network reach this emulator, which "
        "runs programs for whoever may call it. AWS calls must therefore be signed with the secret that `harness env` "
        "prints, and names by which it is reached must be in the setting allowed_hosts"
    )


@dataclass(frozen=True)
class ProjectFile:
    """``harness.toml``: the user's settings, images of their own, and profiles; each table empty where not written."""

    settings: Mapping[str, Any] = field(default_factory=dict)
    images: Mapping[str, str] = field(default_factory=dict)
    """AWS image URI, repository:tag or repository -> the image in the local engine that stands for it."""
    profiles: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Name -> its keys; ``harness.profiles`` knows which there are."""


def read_project(project: Path) -> ProjectFile:
    """Read the project's file. ``ConfigurationError`` names a table, key or value that makes no sense."""
    file = project / FILE
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return ProjectFile()
    except OSError as error:
        raise StateError(
            f"{file} cannot be read ({error.strerror}); make it readable, or start in another folder"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(FILE, f"is not valid TOML: {error}", line=_line_of(error)) from error
    known = [each.name for each in fields(ProjectFile)]
    for name, table in tables.items():
        if name not in known and not isinstance(table, dict):
            where = "[settings]" if name in _defaults() else "one, as in [settings] or [profiles.NAME]"
            raise ConfigurationError(FILE, f"{name!r} stands outside every table", f"write it below {where}", key=name)
        if name not in known:
            hint = f"; {name!r} is a key of [settings]" if name in _defaults() else ""
            raise ConfigurationError(FILE, f"unknown table [{name}]", f"known: {', '.join(known)}{hint}", key=name)
        if not isinstance(table, dict):
            raise ConfigurationError(FILE, f"{name!r} must be a table, as in [{name}]", key=name)
    for key, value in tables.get("settings", {}).items():
        if key not in _defaults():
            remedy = f"known: {', '.join(sorted(_defaults()))}"
            raise ConfigurationError(FILE, f"unknown setting {key!r}", remedy, key=key)
        try:
            _convert(key, value)
        except StateError as error:
            raise ConfigurationError(FILE, error.problem, error.remedy, key=key) from error.__cause__
    for uri, image in tables.get("images", {}).items():
        if not isinstance(image, str) or not image:
            raise ConfigurationError(FILE, f"[images] {uri!r} must name a local image, not {image!r}", key=uri)
    for name, profile in tables.get("profiles", {}).items():
        if not isinstance(profile, dict):
            raise ConfigurationError(FILE, f"profile {name!r} must be a table, as in [profiles.{name}]", key=name)
    return ProjectFile(**tables)


def _line_of(error: Exception) -> int:
    """Return the line of a syntax error, or 0. Before Python 3.14 tomllib says it in the message only."""
    found = re.search(r"at line (\d+)", str(error))
    return int(found[1]) if found else 0


def load_settings(project: Path, **given: Any) -> Settings:
    """The settings in force for a project folder; ``given`` (the command line) wins where not None."""
    written = read_project(project)
    values: dict[str, Any] = dict(written.settings)
    read = _from_environment(os.environ)
    for key, value in read.items():
        if given.get(key) is None:
            _convert(key, value, f" ({PREFIX}{key.upper()})")
    values.update(read)
    values.update({key: value for key, value in given.items() if value is not None})
    settings = replace(Settings(), **{key: _convert(key, value) for key, value in values.items()})
    if settings.aws_backend == "localstack" and "account" not in values:
        settings = replace(settings, account=LOCALSTACK_ACCOUNT)
    return replace(
        settings, state=(project / settings.state).absolute(), images=written.images, project=project.absolute()
    )


def misspelt(environment: Mapping[str, str]) -> dict[str, str]:
    """``HARNESS_`` variables that nothing reads, and whose name is almost that of one: variable -> the one meant."""
    known = [*(key.upper() for key in _defaults()), *OTHER_VARIABLES]
    unread = [name for name in environment if name.startswith(PREFIX) and name.removeprefix(PREFIX) not in known]
    nearest = {name: difflib.get_close_matches(name.removeprefix(PREFIX), known, 1, ALIKE) for name in sorted(unread)}
    return {name: PREFIX + found[0] for name, found in nearest.items() if found}


def _defaults() -> dict[str, Any]:
    return {each.name: each.default for each in fields(Settings) if each.name not in ("images", "project")}


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    return {key: environment[name] for key in _defaults() if (name := PREFIX + key.upper()) in environment}


_LISTS = {
    "roles": (re.compile(r"([\w+=,.@-]+/)*[\w+=.@-]{1,64}", re.ASCII), "role names"),
    "allowed_hosts": (re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*"), "host names"),
}
"""Settings that are lists: the pattern of an item, and what the items are."""
_WANTED = {bool: "true, false, 1 or 0", int: "a whole number", float: "a number"}


def _convert(key: str, value: Any, source: str = "") -> Any:
    kind = type(_defaults()[key])
    if key in CHOICES and value not in CHOICES[key]:
        raise StateError(f"setting {key!r}{source}: {value!r} is none of {', '.join(CHOICES[key])}")
    if key in _LISTS:
        return _items(key, value, source)
    try:
        if kind is bool and isinstance(value, str):
            return {"true": True, "1": True, "false": False, "0": False}[value.lower()]
        if kind in (int, float) and isinstance(value, bool):
            raise ValueError(value)
        return Path(value) if issubclass(kind, Path) else kind(value)
    except (KeyError, TypeError, ValueError) as error:
        raise StateError(f"setting {key!r}{source}: {value!r} is not {_WANTED.get(kind, 'a text')}") from error


def _items(key: str, value: Any, source: str) -> tuple[str, ...]:
    """A list in the file; items separated by commas in the environment."""
    pattern, noun = _LISTS[key]
    items = [item.strip() for item in value.split(",") if item.strip()] if isinstance(value, str) else value
    if not isinstance(items, (list, tuple)):
        raise StateError(f"setting {key!r}{source}: {value!r} is not a list of {noun} (in a variable: with commas)")
    for item in items:
        if not isinstance(item, str) or not pattern.fullmatch(item):
            raise StateError(f"setting {key!r}{source}: {item!r} in its list of {noun} is not a valid name")
    return tuple(items)
