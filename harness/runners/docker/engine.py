"""The connection to Docker Engine: opened when first needed, shared by all threads."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from harness.runners.docker.errors import EngineRefusal, refusal_of

_DEFAULT_ADDRESS = "unix:///var/run/docker.sock"
_DEFAULT_PORT = 2375
_CONNECT_SECONDS = 5.0
_SECONDS = 300.0
"""Seconds to wait for one response: creating a container from a large image is slow on some disks."""


class DockerEngine:
    """Docker Engine. ``client`` is docker's low-level API client: each call of it is one request."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._client: Any = None
        self._info: Mapping[str, Any] | None = None

    @property
    def client(self) -> Any:
        """The API client. Raise ``EngineRefusal`` if there is no engine or this user may not use it."""
        with self._lock:
            if self._client is None:
                self._client = _connect()
            return self._client

    def info(self) -> Mapping[str, Any]:
        """Return the engine's system information, which is requested once."""
        if self._info is None:
            client = self.client
            try:
                self._info = client.info()
            except Exception as error:
                raise refusal_of(error) from error
        return self._info

    def describe(self) -> Mapping[str, str]:
        """Describe the engine for ``doctor``. Raise ``EngineRefusal`` if it is not available."""
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
    import docker  # a slow import that only the docker runner needs
    from docker.utils import kwargs_from_env

    try:
        arguments = kwargs_from_env()
        if "base_url" not in arguments and (host := _current_context()):
            arguments["base_url"] = host
        address = arguments.get("base_url", _DEFAULT_ADDRESS)
        _check_address(address)
        _check_connection(address)
        return docker.APIClient(**arguments, timeout=_SECONDS, max_pool_size=32)
    except EngineRefusal:
        raise
    except Exception as error:
        raise refusal_of(error) from error


def _check_address(address: str) -> None:
    from docker.errors import DockerException
    from docker.utils import parse_host

    try:
        parse_host(address)
        _ = urlsplit(address).port
    except (DockerException, ValueError) as error:
        raise EngineRefusal(
            f"{address} is no valid address of a Docker Engine ({error}): correct DOCKER_HOST or Docker's current "
            "context"
        ) from error


def _check_connection(address: str) -> None:
    """Check quickly that the engine accepts connections: the client would wait for minutes or leak its socket."""
    scheme, _, path = address.partition("://")
    if scheme in ("tcp", "http", "https"):
        where = urlsplit(address)
        socket.create_connection((where.hostname or "", where.port or _DEFAULT_PORT), _CONNECT_SECONDS).close()
    if scheme in ("unix", "http+unix"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as knocking:
            knocking.connect("/" + path.lstrip("/"))


def _current_context() -> str:
    """Return the engine's address in Docker's current context, as ``docker`` uses it; rootless engines need it."""
    from docker.context import ContextAPI
    from docker.errors import DockerException

    try:
        context = ContextAPI.get_context(os.environ.get("DOCKER_CONTEXT") or None)
        return str(context.Host or "") if context is not None else ""
    except (DockerException, OSError, ValueError, KeyError):  # a broken configuration: use the default address
        return ""
