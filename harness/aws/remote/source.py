"""Where the LocalStack comes from: one that runs, else one that is started here and ends with the emulator."""

from __future__ import annotations

import logging
import os
import threading
from dataclasses import dataclass
from typing import Protocol

from harness.aws.remote.health import Health, ask, configured
from harness.kernel.errors import StateError

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Running:
    address: str
    health: Health
    how: str
    ours: bool
    """Started by this emulator: nobody else's data lies in it."""


class LocalStackStarter(Protocol):
    """A way to start a LocalStack of our own."""

    @property
    def how(self) -> str: ...

    def start(self) -> tuple[str, Health]:
        """Its address and health once it answers. ``StateError`` says why there is none.

        Removes first what a killed predecessor left behind.
        """

    def alive(self) -> bool: ...

    def stop(self) -> None: ...


class Source:
    """Found or started once, by whoever asks first; all others wait for that."""

    def __init__(self, starter: LocalStackStarter) -> None:
        self._starter = starter
        self._lock = threading.Lock()
        self._running: Running | None = None
        self._closed = False

    def look(self) -> Running | None:
        """One that runs already. ``StateError`` when the user names an address and nothing answers there."""
        address, variable = configured(os.environ)
        health = ask(address)
        if health is not None:
            self._running = Running(address, health, "found running", ours=False)
        elif variable:
            raise StateError(
                f"no LocalStack answers at {address}, which {variable} names",
                f"start it, or unset {variable} to have harness start one of its own",
            )
        return self._running

    @property
    def running(self) -> Running | None:
        """What is known so far, without waiting."""
        return self._running

    def ready(self) -> Running:
        if self._running is None:
            with self._lock:
                if self._closed:
                    raise StateError("LocalStack is not started: the emulator ends")
                if self._running is None:
                    self._start()
        assert self._running is not None
        return self._running

    def restart(self) -> None:
        """Empty again. Only for one that is ours."""
        with self._lock:
            self._starter.stop()
            self._running = None
            self._start()

    def lost(self) -> str:
        """What to say when it no longer answers."""
        running = self._running
        if running is None or not running.ours:
            return "is it still running?"
        if self._starter.alive():
            return "it runs, but does not answer; see localstack.log in the state folder"
        return "it has ended, and its data with it: see localstack.log in the state folder, and restart the emulator"

    def close(self) -> None:
        if self._running is None:
            self._starter.stop()  # breaks off a start in progress
        with self._lock:
            self._closed = True
            if self._running is None or self._running.ours:
                self._starter.stop()

    def _start(self) -> None:
        address, health = self._starter.start()
        self._running = Running(address, health, self._starter.how, ours=True)
        logger.info("LocalStack %s runs at %s", health.version, address)
