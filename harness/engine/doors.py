"""``Engine``: the few calls a service may make into what happens after the answer. None of them waits."""

from __future__ import annotations

from typing import Any, Protocol

from harness.kernel.records import Key


class Engine(Protocol):
    def submit(self, key: Key) -> None:
        """A job record was added in its first status: run it."""

    def stop(self, key: Key) -> None:
        """A job record was moved to Stopping: stop its program."""

    def reconcile(self, key: Key) -> None:
        """An endpoint record changed: make the running servers match it."""

    async def invoke(self, key: Key, request: dict[str, Any]) -> dict[str, Any]:
        """One invocation of an endpoint in service; modelled members in, modelled members out."""

    def wake_schedules(self) -> None:
        """A monitoring schedule changed, or the clock was advanced."""
