"""Monitoring schedules after the answer: what is due by the emulator's clock runs, in order, as processing jobs.

Jobs are created through a port (the gateway's dispatch), so they pass the same validation and are as visible as a
user's own. Advancing the clock runs everything that falls due on the way and returns when it has finished.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from harness.contract.capture import CaptureRules, capture_prefix
from harness.contract.monitoring import Definition, Execution, definition_of, processing_request, with_baseline
from harness.contract.monitoring_executions import NoData, execution_name, verdict
from harness.contract.schedules import hours, seconds_of, window
from harness.engine.components import Components
from harness.engine.jobs.failures import internal_reason
from harness.engine.lifecycle import is_unfinished, move
from harness.engine.monitoring.records import (
    EXECUTION,
    SCHEDULE,
    expression_of,
    make_execution,
    set_next_moment,
    skip_missed_moments,
)
from harness.kernel.clock import iso
from harness.kernel.errors import ApiError, InternalFailure
from harness.kernel.records import Key, Record
from harness.kernel.s3uri import S3Uri
from harness.stores.objects import BucketMissing
from harness.stores.records import RecordMissing

log = logging.getLogger(__name__)

DATA_QUALITY = "data-quality-job-definition"

Call = Callable[[str, str, str, Mapping[str, Any]], Mapping[str, Any]]
"""The port: ``(account, region, operation, request)`` -> answer; raises ``ApiError``."""


class Schedules:
    def __init__(self, components: Components, call: Call, flush: Callable[[], None]) -> None:
        self._components = components
        self._call = call
        self._flush = flush
        self._wake = threading.Event()
        self._closed = threading.Event()
        self._running = threading.Lock()
        self._thread = threading.Thread(target=self._watch, name="schedules", daemon=True)

    def begin(self) -> None:
        """Watch the clock from now on."""
        self._thread.start()

    def wake(self) -> None:
        self._wake.set()

    def close(self) -> None:
        self._closed.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(5)

    def recover(self) -> None:
        """After a start: executions that were under way ended with the emulator; of those missed, the last one runs."""
        for record in list(self._components.records.scan(EXECUTION)):
            if record.status["MonitoringExecutionStatus"] in ("Pending", "InProgress"):
                reason = "InternalServerError: The emulator was stopped while the execution was running."
                ended = self._end(record, "Failed", FailureReason=reason)
                self._remember(record.key._replace(kind=SCHEDULE, name=record.status["MonitoringScheduleName"]), ended)
        now = self._components.clock.now()
        for schedule in list(self._components.records.scan(SCHEDULE)):
            self._components.records.change(schedule.key, lambda current: skip_missed_moments(current, now))

    def advance(self, target: Callable[[float], float]) -> list[Record]:
        """Move the clock to ``target(now)``, running what falls due on the way; the executions, all finished.

        Several at once come one after the other, each from where the one before left the clock. The clock is moved
        before what is due then runs, so that it is never behind an execution, whenever the emulator is killed.
        """
        done = []
        with self._running:
            moment = target(self._components.clock.now())
            while (due := self._next()) is not None and due[0] <= moment:
                self._refuse_if_closed()
                self._components.clock.advance_to(due[0])
                execution = self._execute(due[1], due[0])
                done += [execution] if execution is not None else []
            self._refuse_if_closed()
            self._components.clock.advance_to(moment)
        return done

    def _refuse_if_closed(self) -> None:
        if self._closed.is_set():
            now = iso(self._components.clock.now())
            raise InternalFailure(f"The emulator was stopped or reset while the clock was moved; it is at {now}.")

    def _watch(self) -> None:
        while not self._closed.is_set():
            due = self._next()
            pause = 60.0 if due is None else min(60.0, max(0.0, due[0] - self._components.clock.now()))
            self._wake.wait(pause)
            self._wake.clear()
            if not self._closed.is_set():
                self._run_due()

    def _run_due(self) -> None:
        try:
            with self._running:
                while (due := self._next()) is not None and due[0] <= self._components.clock.now():
                    if self._closed.is_set():
                        return
                    self._execute(due[1], due[0])
        except Exception:
            log.exception("monitoring schedules")

    def _next(self) -> tuple[float, Key] | None:
        """The schedule that falls due first."""
        moments = [
            (record.inner["next"], record.key)
            for record in self._components.records.scan(SCHEDULE)
            if record.state == "Scheduled" and record.inner.get("next") is not None
        ]
        return min(moments, default=None)

    def _execute(self, key: Key, scheduled: float) -> Record | None:
        """One execution from its creation to its end; None where the schedule was changed meanwhile.

        The execution is added and the schedule is set to its next moment in one write: a kill loses no window.
        """
        now = self._components.clock.now()
        try:
            written = self._components.records.change_and_add(
                key,
                lambda current: set_next_moment(current, scheduled),
                lambda schedule: make_execution(schedule, scheduled, now),
            )
        except RecordMissing:  # deleted meanwhile
            return None
        if written is None:
            return None
        schedule, record = written
        try:
            self._flush()
            definition = resolve(self._components, schedule)
            record = self._run(record, schedule, definition, self._plan(schedule, definition, scheduled))
        except (ApiError, BucketMissing, NoData) as error:
            record = self._end(record, "Failed", FailureReason=str(error))
        except Exception as error:
            where = f"execution of monitoring schedule {key.name}"
            log.exception(where)
            record = self._end(record, "Failed", FailureReason=internal_reason(error, where))
        self._remember(schedule.key, record)
        return record

    def _plan(self, schedule: Record, definition: Definition, scheduled: float) -> Execution:
        config = schedule.spec["MonitoringScheduleConfig"].get("ScheduleConfig", {})
        start, end = window(
            expression_of(schedule), scheduled, config.get("DataAnalysisStartTime"), config.get("DataAnalysisEndTime")
        )
        start += seconds_of(definition.start_offset) if definition.start_offset else 0
        end += seconds_of(definition.end_offset) if definition.end_offset else 0
        destination, folders = self._find_captured(schedule.key, definition, start, end)
        return Execution(schedule.name, execution_name(scheduled), scheduled, start, end, destination, folders)

    def _find_captured(self, key: Key, definition: Definition, start: float, end: float) -> tuple[S3Uri, list[S3Uri]]:
        """Return the prefix that the endpoint captures to, and the hour folders of the window that hold something."""
        endpoint = self._components.records.find(Key("endpoint", key.account, key.region, definition.endpoint))
        config = endpoint.inner["wanted"] if endpoint is not None else {}
        rules = CaptureRules.of(config.get("capture"))
        if rules is None:
            raise NoData
        objects = self._components.aws.objects(key.account, key.region)
        prefixes = [
            capture_prefix(rules.destination, definition.endpoint, variant["VariantName"], hour)
            for variant in config["variants"]
            for hour in hours(start, end)
        ]
        folders = [prefix for prefix in prefixes if next(iter(objects.list(prefix)), None)]
        if not folders:
            raise NoData
        return rules.destination, folders

    def _run(self, record: Record, schedule: Record, definition: Definition, execution: Execution) -> Record:
        key = schedule.key
        job_key = Key("processing-job", key.account, key.region, execution.job_name)
        ended = threading.Event()

        def see(changed: Key, job: Record | None) -> None:
            if changed != job_key:
                return
            if job is None or not is_unfinished(job):
                ended.set()
            elif "MonitoringScheduleArn" not in job.status:  # just added: it is not even queued
                self._mark(job_key, schedule)

        unsubscribe = self._components.records.subscribe(see)
        try:
            request = processing_request(definition, execution)
            arn = self._call(key.account, key.region, "CreateProcessingJob", request)["ProcessingJobArn"]
            record = self._change(record, MonitoringExecutionStatus="InProgress", ProcessingJobArn=arn)
            job = self._components.records.find(job_key)
            while job is not None and is_unfinished(job) and not ended.wait(0.5) and not self._closed.is_set():
                job = self._components.records.find(job_key)
        finally:
            unsubscribe()
        return self._settle(record, self._components.records.find(job_key))

    def _mark(self, job_key: Key, schedule: Record) -> None:
        """The job says whose execution it is."""
        self._components.records.change(
            job_key, lambda job: replace(job, status={**job.status, "MonitoringScheduleArn": schedule.arn})
        )

    def _settle(self, record: Record, job: Record | None) -> Record:
        if job is None:
            return self._end(record, "Failed", FailureReason="The processing job of this execution was deleted")
        ended = verdict({**job.status, "ProcessingJobStatus": job.state})
        return self._change(record, **ended)

    def _end(self, record: Record, status: str, **members: Any) -> Record:
        return self._change(record, MonitoringExecutionStatus=status, **members)

    def _change(self, record: Record, **members: Any) -> Record:
        changed = {**members, "LastModifiedTime": self._components.clock.now()}
        try:
            return self._components.records.change(
                record.key, lambda current: replace(current, status={**current.status, **changed})
            )
        except RecordMissing:  # its schedule was deleted, and it with it
            return replace(record, status={**record.status, **changed})

    def _remember(self, key: Key, execution: Record) -> None:
        """Describe shows the last execution; a NOW schedule has done its work."""
        summary = dict(execution.status)

        def change(current: Record) -> Record:
            done = current.inner.get("next") is None and current.state == "Scheduled"
            members = {"LastMonitoringExecutionSummary": summary}
            return move(current, "Stopped" if done else current.state, **members)

        try:
            self._components.records.change(key, change)
        except RecordMissing:  # deleted while it ran
            return


def resolve(components: Components, schedule: Record) -> Definition:
    """Return what a schedule runs, with the baseline files of its baselining job; ``ApiError`` where one is gone."""
    key = schedule.key

    def describe_by_name(kind: str, noun: str) -> Callable[[str], Mapping[str, Any]]:
        def find(name: str) -> Mapping[str, Any]:
            record = components.records.find(Key(kind, key.account, key.region, name))
            if record is None:
                raise ApiError(f"Could not find {noun} {name!r}")
            return record.spec

        return find

    config = schedule.spec["MonitoringScheduleConfig"]
    definition = definition_of(config, describe_by_name(DATA_QUALITY, "job definition"))
    return with_baseline(definition, describe_by_name("processing-job", "baselining job"))
