"""``PipelineExecutions``: the threads that run pipeline executions."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor

from harness.engine.components import Components
from harness.engine.jobs.failures import internal_reason
from harness.engine.lifecycle import is_unfinished, move
from harness.engine.pipelines.execution_run import ExecutionRun
from harness.engine.pipelines.records import EXECUTION, RUNNING, change_step, steps_of
from harness.engine.pipelines.step_runs import Ports
from harness.kernel.records import Key, Record
from harness.stores.records import RecordMissing

PARALLEL = 64
"""Executions that run at the same time. Further ones wait in the order of their starts."""

log = logging.getLogger(__name__)


class PipelineExecutions:
    def __init__(self, components: Components, ports: Ports) -> None:
        self._components = components
        self._ports = ports
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._runs: set[ExecutionRun] = set()
        self._pool = ThreadPoolExecutor(PARALLEL, thread_name_prefix="pipeline")

    def submit(self, key: Key) -> None:
        """Run an execution whose record was added, or moved back to Executing."""
        run = ExecutionRun(self._components, self._ports, key, self._closed)
        with self._lock:
            self._runs.add(run)
        self._pool.submit(self._work, run, key)

    def close(self) -> None:
        """End the threads. Executions that were under way stay as they are, and fail at the next start."""
        self._closed.set()
        with self._lock:
            for run in self._runs:
                run.changed.set()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def recover(self) -> None:
        """Fail the executions that were under way when the emulator ended, as their jobs failed."""
        for record in list(self._components.records.scan(EXECUTION)):
            if is_unfinished(record):
                self._fail(record.key, "InternalServerError: The emulator was stopped while the execution was running.")

    def _work(self, run: ExecutionRun, key: Key) -> None:
        try:
            run.run()
        except RecordMissing:  # deleted or reset meanwhile
            return
        except Exception as error:
            where = f"pipeline execution {key.name}"
            log.exception(where)
            self._fail(key, internal_reason(error, where))
        finally:
            with self._lock:
                self._runs.discard(run)

    def _fail(self, key: Key, reason: str) -> None:
        now = self._components.clock.real()

        def change(record: Record) -> Record:
            for name, state in steps_of(record).items():
                if state["status"] in RUNNING:
                    record = change_step(record, name, status="Failed", ended=now, failure=reason, retry_at=None)
            return move(record, "Failed", FailureReason=reason)

        try:
            self._components.records.change(key, change)
        except RecordMissing:
            return
