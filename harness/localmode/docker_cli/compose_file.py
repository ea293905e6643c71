"""Parser for the compose files that the SDKs write. Keys and values that they do not use are refused with an error."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.contract.layout import below_root
from harness.localmode.docker_cli.errors import UnsupportedCommand

SERVED = 8080
"""The port a SageMaker container listens on."""
_TOP = ("services", "networks", "version")
_ACCEPTED = ("init", "networks", "stdin_open", "tty", "shm_size")
"""Keys that need nothing to be done: a published port is reached from the host's networks, /dev/shm takes half of the
memory, and so on. ``shm_size`` is checked against that when the container starts."""
_VARIABLE = re.compile(r"\$(?:(?P<escaped>\$)|(?P<plain>\w+)|\{(?P<braced>\w+)\}|(?P<other>.|$))")


@dataclass(frozen=True)
class Service:
    """One container of the file."""

    name: str
    image: str
    hostname: str
    label: str
    """The prefix of its lines of output."""
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    volumes: Mapping[str, Path] = field(default_factory=dict)
    """Path in the container -> folder of the host."""
    ports: Mapping[int, int] = field(default_factory=dict)
    """Port of the host -> port of the container."""
    shm_bytes: int = 0


def parse(document: Any, environment: Mapping[str, str]) -> list[Service]:
    """Parse a compose file. ``environment`` has the values of variables such as ``$NAME``."""
    if not isinstance(document, dict) or not isinstance(document.get("services"), dict):
        raise UnsupportedCommand("the compose file has no services")
    _only(document, _TOP, "compose file")
    return [
        _service(name, _substitute(table, environment), environment) for name, table in document["services"].items()
    ]


def _service(name: str, table: Any, environment: Mapping[str, str]) -> Service:
    if not isinstance(table, dict) or not table.get("image"):
        raise UnsupportedCommand(f"service {name!r} of the compose file names no image")
    if "deploy" in table:
        raise UnsupportedCommand(
            "instance type local_gpu needs a GPU in a container, which local mode without Docker cannot give; "
            "use instance_type='local', or Docker"
        )
    _only(table, (*_READERS, *_ACCEPTED, "image", "container_name"), f"service {name!r}")
    read = {key: reader(table[key], environment) for key, reader in _READERS.items() if key in table}
    return Service(
        name=name,
        image=str(table["image"]),
        hostname=name,
        label=str(table.get("container_name") or f"{name}-1"),
        shm_bytes=_bytes(table.get("shm_size", 0)),
        **read,
    )


def _only(table: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
    for key in table:
        if key not in known:
            raise UnsupportedCommand(
                f"{where}: local mode without Docker does not know {key!r}; it knows: {', '.join(known)}"
            )


def _words(value: Any, _: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(shlex.split(value)) if isinstance(value, str) else tuple(str(word) for word in value or ())


def _variables(value: Any, environment: Mapping[str, str]) -> dict[str, str]:
    """Read a list of ``NAME=value``, or a table; a name without a value takes it from the caller's environment."""
    entries = [str(entry).partition("=") for entry in value] if isinstance(value, list) else None
    if entries is not None:
        pairs = {name: text if equals else environment.get(name) for name, equals, text in entries}
    else:
        pairs = {name: environment.get(name) if text is None else str(text) for name, text in value.items()}
    return {name: text for name, text in pairs.items() if text is not None}


def _volumes(value: Any, _: Mapping[str, str]) -> dict[str, Path]:
    return dict(_volume(str(entry)) for entry in value or ())


def _volume(entry: str) -> tuple[str, Path]:
    source, _, rest = entry.partition(":")
    target, _, mode = rest.partition(":")
    if not source.startswith("/") or mode not in ("", "z", "Z", "rw"):
        raise UnsupportedCommand(
            f"volume {entry!r}: local mode without Docker knows /HOST:/CONTAINER and /HOST:/CONTAINER:z"
        )
    inside = below_root(target)
    if inside is None:
        raise UnsupportedCommand(f"volume {entry!r}: local mode without Docker mounts below /opt/ml only")
    return f"/opt/ml/{inside}", Path(source)


def _ports(value: Any, _: Mapping[str, str]) -> dict[int, int]:
    ports = {}
    for entry in value or ():
        match = re.fullmatch(r"(\d+):(\d+)", str(entry))
        if match is None or int(match[2]) != SERVED:
            raise UnsupportedCommand(f"port {entry!r}: local mode without Docker publishes HOST:{SERVED} only")
        ports[int(match[1])] = int(match[2])
    return ports


def _bytes(size: Any) -> int:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmg]?)b?", str(size).lower())
    if match is None:
        raise UnsupportedCommand(f"shm_size {size!r} is not a size")
    return int(float(match[1]) * 1024 ** " kmg".index(match[2] or " "))


def _substitute(value: Any, environment: Mapping[str, str]) -> Any:
    """Replace ``$NAME``, ``${NAME}`` and ``$$`` in every text of a service, as compose does."""
    if isinstance(value, str):
        return _VARIABLE.sub(lambda match: _replacement(match, value, environment), value)
    if isinstance(value, list):
        return [_substitute(entry, environment) for entry in value]
    if isinstance(value, dict):
        return {key: _substitute(entry, environment) for key, entry in value.items()}
    return value


def _replacement(match: re.Match[str], value: str, environment: Mapping[str, str]) -> str:
    if match["escaped"]:
        return "$"
    name = match["plain"] or match["braced"]
    if name is None:
        raise UnsupportedCommand(
            f"{value!r}: local mode without Docker supports only the variables $NAME, ${{NAME}} and $$"
        )
    return environment.get(name, "")


_READERS: dict[str, Callable[[Any, Mapping[str, str]], Any]] = {
    "entrypoint": _words,
    "command": _words,
    "environment": _variables,
    "volumes": _volumes,
    "ports": _ports,
}
