"""Finds a running LocalStack, or starts one that ends with the emulator."""

from __future__ import annotations

import logging
import os
import threading
from dataclasses import dataclass
from typing import Protocol

from harness.aws.remote.health import Health, ask, read_configured_address
from harness.kernel.errors import StateError

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Running:
    address: str
    health: Health
    how: str
    ours: bool
    """True if this emulator started it, so that it has no data of others."""


class LocalStackStarter(Protocol):
    """Starts a LocalStack for this emulator."""

    @property
    def how(self) -> str: ...

    def start(self) -> tuple[str, Health]:
        """Start it and return its address and health. Raise ``StateError`` with the reason if it does not start.

        Removes first what a killed predecessor left behind.
        """

    def alive(self) -> bool: ...

    def stop(self) -> None: ...


class Source:
    """Finds or starts LocalStack once, at the first call. Other callers wait."""

    def __init__(self, starter: LocalStackStarter) -> None:
        self._starter = starter
        self._lock = threading.Lock()
        self._running: Running | None = None
        self._closed = False

    def look(self) -> Running | None:
        """Return a running LocalStack or None. Raise ``StateError`` if none answers at an address that the user set."""
        address, variable = read_configured_address(os.environ)
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
        """Return the LocalStack if it is known already, without waiting."""
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
        """Restart it empty. Only for a LocalStack that this emulator started."""
        with self._lock:
            self._starter.stop()
            self._running = None
            self._start()

    def describe_loss(self) -> str:
        """Return the message for a LocalStack that no longer answers."""
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
