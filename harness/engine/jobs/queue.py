"""Jobs after the answer: a queue, a bounded number of workers, and one way to end.

Each kind of job (``training``, ``processing``, ``transform``) brings its five beats as one function; whatever that
function raises, the job is settled here, exactly once.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

from harness.engine.components import Components
from harness.engine.jobs.failures import JobFailed, disk_is_full, full_disk_reason, internal_reason
from harness.engine.jobs.job_run import JobKind, JobRun, Stopped
from harness.engine.lifecycle import is_unfinished, move
from harness.kernel.records import Key, Record
from harness.stores.records import RecordMissing

CLOSE_GRACE = 5.0
"""Seconds between SIGTERM and SIGKILL when the emulator ends: nobody waits two minutes for Ctrl-C."""

log = logging.getLogger(__name__)


class JobQueue:
    def __init__(self, components: Components, kinds: Iterable[JobKind], parallel: int) -> None:
        self._components = components
        self._kinds: Mapping[str, JobKind] = {kind.kind.type: kind for kind in kinds}
        self._pool = ThreadPoolExecutor(parallel, thread_name_prefix="job")
        self._works: dict[Key, JobRun] = {}
        self._futures: dict[Key, Future[None]] = {}
        self._lock = threading.Lock()
        self._closing = threading.Event()

    def submit(self, key: Key, again: bool = False) -> None:
        kind = self._kinds[key.kind]
        if again:
            self._forget_log(kind, key)
        work = JobRun(self._components, key, kind.kind.log_group)
        with self._lock:
            self._works[key] = work
            future = self._futures[key] = self._pool.submit(self._work, kind, work)
        future.add_done_callback(lambda _: self._forget(key))

    def _forget_log(self, kind: JobKind, key: Key) -> None:
        """The log of an earlier job of this name: SDK v2 repeats itself for ever when a job has too many streams."""
        for stream in self._components.logs.streams(kind.kind.log_group, key.account, key.region, f"{key.name}/"):
            self._components.logs.delete_stream(kind.kind.log_group, stream, key.account, key.region)

    def stop(self, key: Key) -> None:
        self._stop(key, self._components.grace)

    def _stop(self, key: Key, grace: float) -> None:
        with self._lock:
            work, future = self._works.get(key), self._futures.get(key)
        if work is None:
            return
        work.stop(grace)
        if future is not None and future.cancel():  # it never left the queue
            self._settle(self._kinds[key.kind], work, "Stopped")

    def find_run(self, key: Key) -> JobRun | None:
        """Return the run of a job that waits or runs."""
        with self._lock:
            return self._works.get(key)

    def running(self) -> list[Key]:
        with self._lock:
            return list(self._works)

    def recover(self) -> list[Key]:
        """Jobs in flight when the emulator was killed end as Failed; their programs died with it."""
        interrupted = [
            record.key
            for kind in self._kinds
            for record in self._components.records.scan(kind)
            if is_unfinished(record)
        ]
        for key in interrupted:
            kind = self._kinds[key.kind]
            work = JobRun(self._components, key, kind.kind.log_group, self._last_stream(kind, key))
            reason = "InternalServerError: The emulator was stopped while the job was running. Please start it again."
            self._fail(kind, work, reason)
        return interrupted

    def _last_stream(self, kind: JobKind, key: Key) -> str:
        """The one the job wrote; it must not have another."""
        names = self._components.logs.streams(kind.kind.log_group, key.account, key.region, f"{key.name}/")
        return names[-1] if names else ""

    def close(self) -> None:
        """Stop what runs; jobs still in the queue are stopped without having started."""
        for key in self.running():
            self._begin_stop(key)
            self._stop(key, min(self._components.grace, CLOSE_GRACE))
        self._closing.set()
        self._pool.shutdown(wait=True)

    def _begin_stop(self, key: Key) -> None:
        def change(record: Record) -> Record:
            return move(record, "Stopping") if record.state == "InProgress" else record

        try:
            self._components.records.change(key, change)
        except RecordMissing:
            return

    def _work(self, kind: JobKind, work: JobRun) -> None:
        try:
            work.check_stop()
            kind.execute(work)
        except Stopped:
            self._settle(kind, work, "Stopped")
        except JobFailed as failure:
            self._fail(kind, work, failure.reason)
        except Exception as error:
            where = f"job {work.key.name}"
            if disk_is_full(self._components.folder, error):
                self._fail(kind, work, full_disk_reason(where))
            else:
                log.exception(where)
                self._fail(kind, work, internal_reason(error, where))
        finally:
            work.close()

    def _fail(self, kind: JobKind, work: JobRun, reason: str) -> None:
        work.clear()  # first, so that there is room for the line if the job filled the disk
        work.log.line(f"[harness] {reason}")
        self._settle(kind, work, "Failed", reason)

    def _settle(self, kind: JobKind, work: JobRun, status: str, reason: str = "") -> None:
        members = {"FailureReason": reason} if reason else {}

        def change(record: Record) -> Record:
            if not is_unfinished(record):
                return record
            return move(record, status, **kind.ending(record, status, self._components.clock.real()), **members)

        while True:
            try:
                work.end(change)
                return
            except (RecordMissing, Stopped):  # deleted or reset meanwhile: nothing to settle
                return
            except Exception:  # a full disk, most likely: the job must not stay in progress for ever
                log.exception("settling job %s", work.key)
                if self._closing.wait(1.0):
                    return

    def _forget(self, key: Key) -> None:
        with self._lock:
            self._works.pop(key, None)
            self._futures.pop(key, None)
