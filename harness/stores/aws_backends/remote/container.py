"""A LocalStack as a container. It is removed with the emulator; what a killed one left, by the next start."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from harness.kernel.errors import StateError
from harness.stores.aws_backends.remote.health import Health, ask

IMAGE = "localstack/localstack:4.14.0"
"""The last release that runs without a token."""
TOKEN = "LOCALSTACK_AUTH_TOKEN"
PORT = "4566/tcp"
START_SECONDS = 120.0
ROLE = "localstack"
_LOOK = 0.2
_LAST_LINES = 8
_PASSED = (TOKEN, "DEBUG", "PERSISTENCE", "SQS_", "S3_", "IAM_", "LAMBDA_")


class Container:
    def __init__(self, state: Path, image: str = IMAGE) -> None:
        self._state = str(state)
        self._image = image
        self._container: Any = None
        self._ending = threading.Event()

    @property
    def how(self) -> str:
        return f"a container of {self._image}"

    def present(self) -> bool:
        """Whether an engine answers that has the image already."""
        try:
            with _engine() as engine:
                return bool(engine.images.list(name=self._image))
        except StateError:
            return False

    def engine_answers(self) -> bool:
        try:
            with _engine():
                return True
        except StateError:
            return False

    def start(self) -> tuple[str, Health]:
        """Pulls the image where the engine does not have it."""
        with _engine() as engine:
            self._remove_leftovers(engine)
            try:
                self._pull(engine)
                container = self._container = engine.containers.run(
                    self._image,
                    detach=True,
                    ports={PORT: ("127.0.0.1", 0)},
                    environment=_environment(),
                    labels={"harness.state": self._state, "harness.run": ROLE, "harness.emulator": str(os.getpid())},
                )
            except _engine_errors() as error:
                raise StateError(
                    f"LocalStack's container of {self._image} cannot be started: {_told(error)}"
                ) from error
            try:
                return self._when_healthy(container)
            except BaseException:
                self._remove(container)
                raise

    def alive(self) -> bool:
        container = self._container
        if container is None:
            return False
        try:
            with _engine() as engine:
                return bool(engine.containers.get(container.id).status == "running")
        except StateError:
            return False
        except _engine_errors():
            return False

    def stop(self) -> None:
        self._ending.set()
        container, self._container = self._container, None
        if container is not None:
            with _engine() as engine:
                self._remove(engine.containers.get(container.id))
        self._ending.clear()

    def _pull(self, engine: Any) -> None:
        if engine.images.list(name=self._image):
            return
        engine.images.pull(self._image)

    def _remove_leftovers(self, engine: Any) -> None:
        chosen = {"label": [f"harness.state={self._state}", f"harness.run={ROLE}"]}
        for container in engine.containers.list(all=True, filters=chosen):
            self._remove(container)

    def _remove(self, container: Any) -> None:
        import docker.errors

        try:
            container.remove(force=True, v=True)  # at once: it has nothing to put in order
        except docker.errors.NotFound:
            return

    def _when_healthy(self, container: Any) -> tuple[str, Health]:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            container.reload()
            published = container.ports.get(PORT)
            if container.status not in ("created", "running"):
                raise StateError(f"LocalStack's container ended at its start:\n{_tail(container)}")
            health = ask(f"http://127.0.0.1:{published[0]['HostPort']}", 1.0) if published else None
            if health is not None and published:
                return f"http://127.0.0.1:{published[0]['HostPort']}", health
            if self._ending.wait(_LOOK):
                raise StateError("LocalStack's start was broken off: the emulator ends")
        raise StateError(f"LocalStack did not answer within {START_SECONDS:.0f} s:\n{_tail(container)}")


@contextmanager
def _engine() -> Iterator[Any]:
    """A connection to the engine; ``StateError`` when there is none."""
    import docker

    try:
        engine = docker.from_env()
    except _engine_errors() as error:
        raise StateError(f"no Docker engine answers: {_told(error)}") from error
    try:
        engine.ping()
        yield engine
    except OSError as error:  # requests' own errors are such
        raise StateError(f"no Docker engine answers: {_told(error)}") from error
    finally:
        engine.close()


def _engine_errors() -> tuple[type[Exception], ...]:
    import docker.errors

    return (docker.errors.DockerException,)


def _environment() -> dict[str, str]:
    given = {name: value for name, value in os.environ.items() if name.startswith(_PASSED)}
    return {**given, "DISABLE_EVENTS": "1", "SKIP_SSL_CERT_DOWNLOAD": "1"}


def _told(error: Exception) -> str:
    return str(getattr(error, "explanation", None) or error)


def _tail(container: Any) -> str:
    return str(container.logs(tail=_LAST_LINES).decode("utf-8", "replace"))
