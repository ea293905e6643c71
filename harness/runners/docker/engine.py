"""The connection to Docker Engine: made when first needed, shared by all threads."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from harness.runners.docker.errors import EngineRefusal, refusal_of

_USUAL_PLACE = "unix:///var/run/docker.sock"
_USUAL_PORT = 2375
_KNOCK_SECONDS = 5.0
_SECONDS = 300.0
"""For one answer: creating a container from a large image takes its time on a slow disk."""


class DockerEngine:
    """``client`` is docker's own low-level client: one call of it is one request."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._client: Any = None
        self._info: Mapping[str, Any] | None = None

    @property
    def client(self) -> Any:
        """``EngineRefusal`` when there is no engine, or it is not for this user; asked again by the next one."""
        with self._lock:
            if self._client is None:
                self._client = _connect()
            return self._client

    def info(self) -> Mapping[str, Any]:
        """What the engine says of itself; asked once."""
        if self._info is None:
            client = self.client
            try:
                self._info = client.info()
            except Exception as error:
                raise refusal_of(error) from error
        return self._info

    def describe(self) -> Mapping[str, str]:
        """For ``doctor``; ``EngineRefusal`` when there is nothing to describe."""
        info = self.info()
        gpus = "nvidia" in (info.get("Runtimes") or {})
        return {
            "Docker Engine": f"{info['ServerVersion']} ({info['OperatingSystem']}, {info['Architecture']})",
            "machine": f"{info['NCPU']} CPUs, {info['MemTotal'] / (1 << 30):.1f} GiB",
            "GPUs": "NVIDIA runtime" if gpus else "none: jobs on instance types with GPUs are refused",
            "image storage": f"{info['DockerRootDir']} ({info['Driver']})",
            "network isolation": "internal networks: jobs reach the emulator and nothing outside this machine",
        }

    def close(self) -> None:
        with self._lock:
            if self._client is not None:
                self._client.close()
                self._client = None


def _connect() -> Any:
    import docker  # takes a moment, and only those who run containers need it
    from docker.utils import kwargs_from_env

    try:
        given = kwargs_from_env()
        if "base_url" not in given and (host := _current_context()):
            given["base_url"] = host
        place = given.get("base_url", _USUAL_PLACE)
        _check(place)
        _knock(place)
        return docker.APIClient(**given, timeout=_SECONDS, max_pool_size=32)
    except EngineRefusal:
        raise
    except Exception as error:
        raise refusal_of(error) from error


def _check(place: str) -> None:
    from docker.errors import DockerException
    from docker.utils import parse_host

    try:
        parse_host(place)
        _ = urlsplit(place).port
    except (DockerException, ValueError) as error:
        raise EngineRefusal(
            f"{place} is not where a Docker Engine can listen: DOCKER_HOST, or Docker's current context, says so "
            f"({error})"
        ) from error


def _knock(place: str) -> None:
    """Whether anybody opens, soon: the client itself would wait for minutes, or leave its socket open."""
    scheme, _, path = place.partition("://")
    if scheme in ("tcp", "http", "https"):
        where = urlsplit(place)
        socket.create_connection((where.hostname or "", where.port or _USUAL_PORT), _KNOCK_SECONDS).close()
    if scheme in ("unix", "http+unix"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as knocking:
            knocking.connect("/" + path.lstrip("/"))


def _current_context() -> str:
    """Where ``docker`` itself would go: engines of a user's own do not listen at the usual place."""
    from docker.context import ContextAPI
    from docker.errors import DockerException

    try:
        context = ContextAPI.get_context(os.environ.get("DOCKER_CONTEXT") or None)
        return str(context.Host or "") if context is not None else ""
    except (DockerException, OSError, ValueError, KeyError):  # a broken configuration: the usual place, then
        return ""
