"""Chooses the LocalStack of an emulator: a running one, or one started as this machine and the settings allow."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from harness.kernel.errors import StateError
from harness.runners.process.environments import Environments
from harness.runners.process.errors import EnvironmentMissing
from harness.runners.spec import Environment

if TYPE_CHECKING:
    from harness.aws.remote.health import Health
    from harness.aws.remote.source import LocalStackStarter, Source
    from harness.emulator.localstack_container import LocalStackContainer

WISH, IMAGE = "HARNESS_LOCALSTACK", "HARNESS_LOCALSTACK_IMAGE"
WISHES = ("docker", "host")
ENVIRONMENT = Environment("localstack", Path(__file__).parents[1] / "aws" / "remote" / "localstack.lock", "3.11")
"""LocalStack's own: its pins exclude the harness's."""
log = logging.getLogger(__name__)


def source(state: Path, install: bool, images: Mapping[str, str]) -> Source:
    """Return the source of LocalStack. ``StateError`` when the one that the user names is not available."""
    from harness.aws.remote.source import Source

    wish = os.environ.get(WISH, "")
    if wish not in ("", *WISHES):
        raise StateError(f"{WISH}={wish} is not one of {', '.join(WISHES)}")
    localstack = Source(Chosen(state, install, wish, images))
    localstack.look()
    return localstack


def provide(install: bool, progress: Callable[[str], None]) -> Path:
    """The Python of LocalStack's environment, built where it is not there yet."""
    try:
        return Environments(install=install).provide(ENVIRONMENT, progress)
    except EnvironmentMissing as error:
        raise StateError(str(error)) from error


def build_ahead(state: Path, install: bool, images: Mapping[str, str], progress: Callable[[str], None]) -> None:
    """Build the environment now if the emulator will need it: it takes a minute, and here the user sees progress."""
    chosen = Chosen(state, install, os.environ.get(WISH, ""), images)
    if chosen.takes_host_mode() and source(state, install, images).running is None:
        provide(install, progress)


def _tell(line: str) -> None:
    """Write progress to the emulator's log, without uv's own lines (one per package)."""
    if line.startswith("harness:"):
        log.warning(line)


class Chosen:
    """The way of starting one, chosen when it is started: an image at hand, else a process, else an image to pull."""

    def __init__(self, state: Path, install: bool, wish: str, images: Mapping[str, str]) -> None:
        """``images`` is the user's own table of what stands for an image."""
        self._state = state
        self._install = install
        self._wish = wish
        self._images = images
        self._chosen: LocalStackStarter | None = None

    @property
    def how(self) -> str:
        return self._chosen.how if self._chosen else "not started"

    def start(self) -> tuple[str, Health]:
        if self._chosen is None:
            self._chosen = self._choose()
        return self._chosen.start()

    def alive(self) -> bool:
        return self._chosen is not None and self._chosen.alive()

    def stop(self) -> None:
        if self._chosen is not None:
            self._chosen.stop()

    def takes_host_mode(self) -> bool:
        """Return whether LocalStack runs as a process, and not as a container."""
        return self._wish == "host" or (not self._wish and not self._container().present())

    def _container(self) -> LocalStackContainer:
        from harness.emulator.localstack_container import IMAGE as DEFAULT
        from harness.emulator.localstack_container import LocalStackContainer

        named = os.environ.get(IMAGE) or DEFAULT
        return LocalStackContainer(self._state, self._images.get(named, named), pull=self._install)

    def _choose(self) -> LocalStackStarter:
        from harness.aws.remote.host_mode import HostMode

        image = self._container()
        if not self.takes_host_mode():
            return image
        try:
            python = provide(self._install, _tell)
        except StateError:
            if self._wish or not self._install or not image.engine_answers():
                raise
            return image
        return HostMode(self._state / "localstack", lambda: python)
