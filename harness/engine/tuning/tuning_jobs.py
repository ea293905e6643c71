"""``TuningJobs``: the threads that run tuning jobs."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor

from harness.engine.components import Components
from harness.engine.jobs.failures import internal_reason
from harness.engine.lifecycle import is_unfinished, move
from harness.engine.tuning.records import KIND, summaries
from harness.engine.tuning.tuning_run import Call, FindRun, TuningRun, final_members
from harness.kernel.records import Key, Record
from harness.stores.records import RecordMissing

PARALLEL = 64
"""Tuning jobs that run at the same time. Further ones wait in the order of their starts."""

log = logging.getLogger(__name__)


class TuningJobs:
    def __init__(self, components: Components, call: Call, find_run: FindRun) -> None:
        self._components = components
        self._call = call
        self._find_run = find_run
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._runs: dict[Key, TuningRun] = {}
        self._pool = ThreadPoolExecutor(PARALLEL, thread_name_prefix="tuning")

    def submit(self, key: Key) -> None:
        """Run a tuning job whose record was added."""
        run = TuningRun(self._components, self._call, self._find_run, key, self._closed)
        with self._lock:
            self._runs[key] = run
        self._pool.submit(self._work, run, key)

    def stop(self, key: Key) -> None:
        """Take notice of a tuning job that was moved to Stopping."""
        with self._lock:
            run = self._runs.get(key)
        if run is not None:
            run.changed.set()

    def close(self) -> None:
        """End the threads. Tuning jobs that were under way stay as they are, and fail at the next start."""
        self._closed.set()
        with self._lock:
            for run in self._runs.values():
                run.changed.set()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def recover(self) -> None:
        """Fail the tuning jobs that were under way when the emulator ended, as their training jobs failed."""
        for record in list(self._components.records.scan(KIND)):
            if is_unfinished(record):
                self._fail(record.key, "InternalServerError: The emulator was stopped while the job was running.")

    def _work(self, run: TuningRun, key: Key) -> None:
        try:
            run.run()
        except RecordMissing:  # deleted or reset meanwhile
            return
        except Exception as error:
            where = f"tuning job {key.name}"
            log.exception(where)
            self._fail(key, internal_reason(error, where))
        finally:
            with self._lock:
                self._runs.pop(key, None)

    def _fail(self, key: Key, reason: str) -> None:
        def change(record: Record) -> Record:
            trainings = summaries(self._components.records, record)
            members = final_members(self._components, record, trainings, self._components.clock.real())
            return move(record, "Failed", **members, FailureReason=reason)

        try:
            self._components.records.change(key, change)
        except RecordMissing:
            return
