"""Starts a container and attaches to its output: the last step of what the docker runner does for a job."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, Protocol

from harness.runners.docker.engine import DockerEngine
from harness.runners.docker.streams import OutputStream

_log = logging.getLogger(__name__)


class Output(Protocol):
    """The output of a container."""

    def chunks(self) -> Iterator[bytes]:
        """Yield the output in order until the container closes it. ``OSError`` when it breaks off."""

    def end(self) -> None:
        """Have whoever reads find the end. Thread-safe."""

    def close(self) -> None: ...


class Launcher(Protocol):
    def launch(self, body: dict[str, Any], name: str, undo: ExitStack) -> tuple[str, Output]:
        """Start a container and return its id and its output, of which nothing is missed.

        ``body`` is what Docker Engine takes to create it; ``undo`` gets what removes it.
        """

    def warm(self) -> None:
        """Prepare in the background for what is to be started."""

    def close(self) -> None:
        """End what was prepared."""


class ApiLauncher:
    """Creates and starts containers by Docker Engine's own API."""

    def __init__(self, engine: DockerEngine) -> None:
        self._engine = engine
        self._init = True
        """Whether the engine has an init process to give. A program that is process 1 itself notices SIGTERM only if it
        handles it: it would have to be killed."""

    def launch(self, body: dict[str, Any], name: str, undo: ExitStack) -> tuple[str, Output]:
        client = self._engine.client
        body["HostConfig"]["Init"] = self._init
        with ExitStack() as begun:
            made: str = client.create_container_from_config(body, name)["Id"]
            begun.callback(remove_container, self._engine, made)
            stream = OutputStream(client.attach_socket(made, {"stdout": 1, "stderr": 1, "stream": 1}))
            begun.callback(stream.close)
            try:
                client.start(made)
            except Exception as error:
                if not self._init or "docker-init" not in str(error):
                    raise
                self._init = False  # this engine was installed without it
            else:
                undo.push(begun.pop_all())
                return made, stream
        return self.launch(body, name, undo)

    def warm(self) -> None:
        """Nothing of a container can be had before it starts."""

    def close(self) -> None:
        """Nothing is left to end."""


def remove_container(engine: DockerEngine, container: str) -> None:
    try:
        engine.client.remove_container(container, force=True, v=True)
    except Exception as error:  # it is labelled: the next sweep finds it
        _log.warning("container %s could not be removed: %s", container[:12], error)
