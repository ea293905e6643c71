"""``LocalEngine``: jobs, endpoints and schedules of this machine behind the ``Engine`` interface."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from harness.engine.components import Components
from harness.engine.hosting.endpoint_metrics import EndpointMetrics
from harness.engine.hosting.endpoints import Endpoints
from harness.engine.hosting.invocations import Invocations
from harness.engine.jobs.interruptions import Interruptions
from harness.engine.jobs.processing import PROCESSING
from harness.engine.jobs.queue import JobQueue
from harness.engine.jobs.training import TRAINING
from harness.engine.jobs.transform import TRANSFORM
from harness.engine.monitoring.schedules import Schedules
from harness.engine.pipelines.executions import PipelineExecutions
from harness.engine.pipelines.records import EXECUTION
from harness.engine.pipelines.step_runs import Ports
from harness.engine.tuning.records import KIND as TUNING_JOB
from harness.engine.tuning.tuning_jobs import TuningJobs
from harness.engine.warm_pool import warm_up
from harness.kernel.records import Key
from harness.kernel.removal import remove_tree

log = logging.getLogger(__name__)

LOOK_INTERVAL = 0.05
METRICS_INTERVAL = 5.0
"""Seconds between two data of the metrics of an endpoint (AWS: a minute)."""


class LocalEngine:
    def __init__(self, components: Components, ports: Ports, parallel: int) -> None:
        self._components = components
        self._ports = ports
        self._parallel = parallel
        self._closed = threading.Event()
        self._start_parts()
        self._flusher = threading.Thread(target=self._flush_regularly, name="flush", daemon=True)
        self._flusher.start()

    def _start_parts(self) -> None:
        components = self._components
        self._metrics = EndpointMetrics(components.aws, components.clock)
        self._jobs = JobQueue(components, (TRAINING, PROCESSING, TRANSFORM), self._parallel)
        self._endpoints = Endpoints(components)
        self._invocations = Invocations(components, self._endpoints, self._metrics)
        self._schedules = Schedules(components, self._ports.call, self.flush)
        self._pipelines = PipelineExecutions(components, self._ports)
        self._tuning = TuningJobs(components, self._ports.call, self._jobs.find_run)

    def _stop_parts(self) -> None:
        self._schedules.close()
        self._pipelines.close()
        self._tuning.close()
        self._jobs.close()
        self._endpoints.close()
        self._metrics.flush()

    def submit(self, key: Key, again: bool = False) -> None:
        if key.kind == EXECUTION:
            self._pipelines.submit(key)
        elif key.kind == TUNING_JOB:
            self._tuning.submit(key)
        else:
            self._jobs.submit(key, again)

    def stop(self, key: Key) -> None:
        if key.kind == TUNING_JOB:
            self._tuning.stop(key)
        else:
            self._jobs.stop(key)

    def reconcile(self, key: Key) -> None:
        self._endpoints.reconcile(key)

    async def invoke(self, key: Key, request: dict[str, Any], received: float) -> dict[str, Any]:
        return await self._invocations.invoke(key, request, received)

    @property
    def interruptions(self) -> Interruptions:
        return self._components.interruptions

    def kill_servers(self, key: Key, variant: str) -> int:
        return self._endpoints.kill_servers(key, variant)

    def wake_schedules(self) -> None:
        self._schedules.wake()

    def advance(self, target: Callable[[float], float]) -> dict[str, Any]:
        """Move the clock to ``target(now)`` and run what falls due on the way; return the executions, all finished."""
        executions = self._schedules.advance(target)
        return {"executions": [dict(record.status) for record in executions]}

    def reset(self) -> None:
        """Stop what runs and forget it; a new set of parts takes over."""
        self._stop_parts()
        self._components.interruptions.clear()
        self._start_parts()
        self._schedules.begin()

    def flush(self) -> None:
        """Captured data and endpoint metrics that wait in memory are written now."""
        self._endpoints.flush()
        self._metrics.flush()

    def warm_up(self) -> None:
        warm_up(self._components.runner)

    def recover(self) -> list[Key]:
        """After a start: jobs that were in flight are settled, endpoints in service get their servers back."""
        remove_tree(self._components.folder)
        settled = self._jobs.recover()
        self._pipelines.recover()
        self._tuning.recover()
        self._endpoints.recover()
        self._schedules.recover()
        self._schedules.begin()
        return settled

    def close(self) -> None:
        self._closed.set()
        self._flusher.join(5)
        self._stop_parts()

    def _flush_regularly(self) -> None:
        published = time.monotonic()
        while not self._closed.wait(LOOK_INTERVAL):
            try:
                self._endpoints.flush_if_due()
                if time.monotonic() - published >= METRICS_INTERVAL:
                    published = time.monotonic()
                    self._metrics.flush()
            except Exception:
                log.exception("flush of captured data and metrics")
