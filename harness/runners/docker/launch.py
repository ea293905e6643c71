"""Starting of containers: the last step of what the docker runner does for a job."""

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
        """Yield the output in order until the container closes it; raise ``OSError`` if the connection breaks."""

    def end(self) -> None:
        """Make ``chunks`` end. Thread-safe."""

    def close(self) -> None: ...


class Launcher(Protocol):
    def launch(self, body: dict[str, Any], name: str, undo: ExitStack) -> tuple[str, Output]:
        """Start a container and return its id and its complete output.

        ``body`` is the request that creates it in Docker Engine's API. A callback that removes it is added to ``undo``.
        """

    def warm(self) -> None:
        """Prepare for later launches in the background."""

    def close(self) -> None:
        """Stop what ``warm`` started."""


class ApiLauncher:
    """Creates and starts containers through Docker Engine's API."""

    def __init__(self, engine: DockerEngine) -> None:
        self._engine = engine
        self._init = True
        """Whether the engine can start an init process. Without it the program is process 1, which gets SIGTERM only
        if it handles it, so it would have to be killed."""

    def launch(self, body: dict[str, Any], name: str, undo: ExitStack) -> tuple[str, Output]:
        """Create and start a container. It is attached to before it is started, so that no output is missed."""
        client = self._engine.client
        body["HostConfig"]["Init"] = self._init
        with ExitStack() as cleanup:
            container: str = client.create_container_from_config(body, name)["Id"]
            cleanup.callback(remove_container, self._engine, container)
            stream = OutputStream(client.attach_socket(container, {"stdout": 1, "stderr": 1, "stream": 1}))
            cleanup.callback(stream.close)
            try:
                client.start(container)
            except Exception as error:
                if not self._init or "docker-init" not in str(error):
                    raise
                self._init = False  # this engine was installed without an init process
            else:
                undo.push(cleanup.pop_all())
                return container, stream
        return self.launch(body, name, undo)

    def warm(self) -> None:
        """Do nothing: the API needs no preparation."""

    def close(self) -> None:
        """Do nothing: the engine is closed by the runner."""


def remove_container(engine: DockerEngine, container: str) -> None:
    try:
        engine.client.remove_container(container, force=True, v=True)
    except Exception as error:  # its labels let the next sweep remove it
        _log.warning("container %s could not be removed: %s", container[:12], error)
