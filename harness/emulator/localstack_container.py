"""A LocalStack as a container. It is removed with the emulator; what a killed one left, by the next that starts one."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from harness.aws.remote.health import Health, ask
from harness.kernel.errors import StateError
from harness.runners.docker.containers import RUN, labels
from harness.runners.docker.engine import DockerEngine
from harness.runners.docker.errors import EngineRefusal, refusal_of
from harness.runners.docker.images import Images
from harness.runners.docker.leftovers import is_abandoned

IMAGE = "localstack/localstack:4.14.0"
"""The last release that runs without a token."""
TOKEN = "LOCALSTACK_AUTH_TOKEN"
PORT = "4566/tcp"
START_SECONDS = 120.0
ROLE = "localstack"
_LOOK = 0.2
_LAST_LINES = 8
_PASSED = (TOKEN, "DEBUG", "SQS_", "S3_", "IAM_", "LAMBDA_")

_log = logging.getLogger(__name__)


class LocalStackContainer:
    """``pull``: whether an image that the engine does not have may be fetched from its registry."""

    def __init__(self, state: Path, image: str = IMAGE, *, pull: bool = True) -> None:
        self._state = state
        self._image = image
        self._engine = DockerEngine()
        self._images = Images(self._engine, {}, pull=pull)
        self._container = ""
        self._ending = threading.Event()

    @property
    def how(self) -> str:
        return f"a container of {self._image}"

    def present(self) -> bool:
        """Return whether an engine answers that has the image already."""
        try:
            with self._refusals():
                return bool(self._engine.client.images(name=self._image))
        except StateError:
            return False

    def engine_answers(self) -> bool:
        try:
            with self._refusals():
                return bool(self._engine.client.ping())
        except StateError:
            return False

    def start(self) -> tuple[str, Health]:
        """Pulls the image where the engine does not have it."""
        with self._refusals():
            self._remove_leftovers()
            image = self._images.resolve(self._image, _log.warning).reference
            container = self._container = str(self._engine.client.create_container_from_config(self._body(image))["Id"])
            try:
                self._engine.client.start(container)
                return self._when_healthy(container)
            except BaseException:
                self._container = ""
                self._remove(container)
                raise

    def alive(self) -> bool:
        if not self._container:
            return False
        try:
            with self._refusals():
                return bool(self._look_at(self._container)["State"]["Running"])
        except StateError:
            return False

    def stop(self) -> None:
        """Also where it is gone already, or the engine is: the emulator's end goes on."""
        self._ending.set()
        container, self._container = self._container, ""
        if container:
            self._remove(container)
        self._engine.close()
        self._ending.clear()

    def _body(self, image: str) -> dict[str, Any]:
        return {
            "Image": image,
            "Env": [f"{name}={value}" for name, value in _environment().items()],
            "Labels": labels(self._state, ROLE),
            "ExposedPorts": {PORT: {}},
            "HostConfig": {"PortBindings": {PORT: [{"HostIp": "127.0.0.1", "HostPort": ""}]}},
        }

    def _remove_leftovers(self) -> None:
        """Remove containers of emulators that no longer run, whatever their state folder."""
        client = self._engine.client
        for container in client.containers(all=True, filters={"label": f"{RUN}={ROLE}"}):
            if is_abandoned(container.get("Labels") or {}, self._state):
                self._remove(container["Id"])

    def _remove(self, container: str) -> None:
        from docker.errors import NotFound

        try:
            # At once: it has nothing to put in order.
            self._engine.client.remove_container(container, force=True, v=True)
        except NotFound:
            return
        except Exception as error:  # it is labelled: the next one that starts a LocalStack removes it
            _log.warning("LocalStack's container %s could not be removed: %s", container[:12], error)

    def _when_healthy(self, container: str) -> tuple[str, Health]:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            seen = self._look_at(container)
            if seen["State"]["Status"] not in ("created", "running"):
                raise StateError(f"LocalStack's container ended at its start:\n{self._last_words(container)}")
            published = (seen["NetworkSettings"].get("Ports") or {}).get(PORT)
            address = f"http://127.0.0.1:{published[0]['HostPort']}" if published else ""
            health = ask(address, 1.0) if address else None
            if health is not None:
                return address, health
            if self._ending.wait(_LOOK):
                raise StateError("LocalStack's start was broken off: the emulator ends")
        raise StateError(f"LocalStack did not answer within {START_SECONDS:.0f} s:\n{self._last_words(container)}")

    def _look_at(self, container: str) -> dict[str, Any]:
        seen: dict[str, Any] = self._engine.client.inspect_container(container)
        return seen

    def _last_words(self, container: str) -> str:
        said = str(self._engine.client.logs(container, tail=_LAST_LINES).decode("utf-8", "replace"))
        if TOKEN not in os.environ and any(word in said.lower() for word in ("license", "token")):
            said += f"\n{self._image} may need {TOKEN}, which is not set; {IMAGE} needs none"
        return said

    @contextmanager
    def _refusals(self) -> Iterator[None]:
        """The engine's refusals as ``StateError``, in the words that jobs get, too."""
        try:
            yield
        except StateError:
            raise
        except Exception as error:
            refusal = error if isinstance(error, EngineRefusal) else refusal_of(error, self._image)
            raise StateError(f"LocalStack's container of {self._image} cannot be started: {refusal}") from error


def _environment() -> dict[str, str]:
    passed = {name: value for name, value in os.environ.items() if name.startswith(_PASSED)}
    return {**passed, "DISABLE_EVENTS": "1", "SKIP_SSL_CERT_DOWNLOAD": "1"}
