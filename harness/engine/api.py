"""``Engine``: the few calls a service may make into what happens after the answer. None of them waits."""

from __future__ import annotations

from typing import Any, Protocol

from harness.engine.jobs.interruptions import Interruptions
from harness.kernel.records import Key


class Engine(Protocol):
    def submit(self, key: Key, again: bool = False) -> None:
        """A job or pipeline execution was added in its first status: run it. ``again``: an earlier job had its name."""

    def stop(self, key: Key) -> None:
        """A job record was moved to Stopping: stop its program."""

    def reconcile(self, key: Key) -> None:
        """An endpoint record changed: make the running servers match it."""

    async def invoke(self, key: Key, request: dict[str, Any], received: float) -> dict[str, Any]:
        """One invocation of an endpoint in service; modelled members in, modelled members out.

        ``received``: when the request came, by ``time.perf_counter``.
        """

    @property
    def interruptions(self) -> Interruptions:
        """Instances that are to be taken from training jobs on purpose."""

    def kill_servers(self, key: Key, variant: str) -> int:
        """SIGKILL to the model servers of a variant of an endpoint, of all when it is empty; how many died."""

    def wake_schedules(self) -> None:
        """A monitoring schedule changed, or the clock was advanced."""
