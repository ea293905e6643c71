"""``JobRun``: one job being run. What the kinds of jobs share: record changes, log, folder, program, stop, staging."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from harness.contract.container_environment import ContainerEnvironment
from harness.contract.containers import ImageProtocol
from harness.contract.layout import JobPlan, Output
from harness.engine.components import Components
from harness.engine.jobs.continuous_upload import ContinuousUpload
from harness.engine.jobs.failures import disk_is_full, exit_reason, full_disk_reason
from harness.engine.jobs.metric_regexes import MetricWatch
from harness.engine.jobs.multi_host_run import STOP_GRACE, MultiHostRun, merge_outputs
from harness.engine.jobs.pipes import ChannelPipes
from harness.engine.jobs.staging import lay_out, stage_in, stage_out
from harness.engine.lifecycle import move
from harness.engine.tracking.component_metrics import MetricPoint
from harness.engine.tracking.experiments import settle_component
from harness.kernel.job_files import find_file
from harness.kernel.kinds import ResourceKind
from harness.kernel.records import Key, Record
from harness.kernel.removal import remove_tree
from harness.runners.spec import Outcome, Run
from harness.stores.logs import LogEvent, LogWriter
from harness.stores.objects import ObjectStore


class Stopped(Exception):
    """The job was stopped before its program started; it only has to be settled."""


@dataclass
class JobRun:
    components: Components
    key: Key
    group: str
    stream: str = ""
    stopping: threading.Event = field(default_factory=threading.Event)
    run: Run | None = None
    metrics: MetricWatch | None = None
    """Collects the metrics that the program prints, in jobs that have any."""
    packages: str = field(default_factory=lambda: secrets.token_hex(8))
    """The name by which the package index knows the job."""
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _disk_full: bool = False
    _listeners: list[Callable[[LogEvent], None]] = field(default_factory=list)
    _closed: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.stream = self.stream or f"{self.key.name}/algo-1-{int(self.components.clock.real())}"
        self.log: LogWriter = self.components.logs.open(self.group, self.stream, self.key.account, self.key.region)
        self.folder = self.components.folder / self.key.kind / f"{self.key.account}-{self.key.region}-{self.key.name}"
        self.root = self.folder / "ml"
        self.roots = [self.root]
        self.failed_root = self.root

    @property
    def objects(self) -> ObjectStore:
        return self.components.aws.objects(self.key.account, self.key.region)

    @property
    def record(self) -> Record:
        record = self.components.records.find(self.key)
        if record is None:  # only a reset or a delete can do that; the job ends without a trace
            raise Stopped
        return record

    def where(self) -> ContainerEnvironment:
        account, region, secret = self.key.account, self.key.region, self.components.client_secret
        address = self.components.endpoint_url()
        return ContainerEnvironment(account, region, address, self.root, secret=secret, packages=self.packages)

    def change(self, change: Callable[[Record], Record]) -> Record:
        return self.components.records.change(self.key, change)

    def set(self, **members: Any) -> Record:
        return self.change(lambda record: replace(record, status={**record.status, **members}))

    def settle(self, status: str, **members: Any) -> Record:
        """The last change of the job: final status with its members, in one write."""
        return self.end(lambda record: move(record, status, **members))

    def end(self, change: Callable[[Record], Record], points: Sequence[MetricPoint] = ()) -> Record:
        """Apply ``change`` as the job's final write.

        The log is closed, the folder deleted and the trial component settled first, so that a client that sees the
        final status sees all of them done.
        """
        self.close()
        settle_component(self.components.records, change(self.record), points)
        return self.change(change)

    def announce(self, image: ImageProtocol) -> None:
        """The first line of the log says what stands in for what, if anything does."""
        if image.stand_in:
            self.log.line(f"[harness] {image.stand_in}")

    def stage_in(self, plan: JobPlan) -> None:
        self.clear()
        for host in (plan, *plan.others):
            host.run.root.mkdir(parents=True)
            lay_out(host, host.run.root)
            stage_in(self.objects, host.inputs, host.run.root)
        self.check_stop()

    def run_program(self, plan: JobPlan) -> Outcome:
        """Start the program on each host and wait for the end, uploading continuous outputs meanwhile."""
        hosts = (plan, *plan.others)
        with ExitStack() as stack:
            for host in hosts:
                continuous = [output for output in host.outputs if output.continuous]
                stack.enter_context(ContinuousUpload(self.objects, continuous, host.run.root))
            channels = [
                stack.enter_context(ChannelPipes(self.objects, host.pipes, host.run.root, self._stop_without_data))
                for host in hosts
            ]
            logs = [self.log, *(stack.enter_context(self.log_of(host.run.hostname)) for host in plan.others)]
            with self._lock:
                self.check_stop()
                runs = [
                    self.components.runner.start(replace(host.run, grace=self.components.grace), log.write)
                    for host, log in zip(hosts, logs, strict=True)
                ]
                self.run = together = MultiHostRun(runs) if plan.others else runs[0]
            outcome = together.wait()
        assert outcome is not None  # wait() without a time-out returns when the program has ended
        for channel in channels:
            if channel.failure is not None:
                raise channel.failure
        self.roots = [host.run.root for host in hosts]
        self.failed_root = together.root_of_decisive_host() if isinstance(together, MultiHostRun) else self.root
        merge_outputs(plan)
        self._disk_full = disk_is_full(self.folder)
        return outcome

    def on_line(self, listener: Callable[[LogEvent], None]) -> None:
        """Call ``listener`` with every line that the program writes, on every host."""
        self._listeners.append(listener)
        self.log.on_line(listener)

    def stream_of(self, host: str) -> str:
        return self.stream.replace("/algo-1-", f"/{host}-")

    @contextmanager
    def log_of(self, host: str) -> Iterator[LogWriter]:
        """Open the log of another host; listeners hear its lines too."""
        log = self.components.logs.open(self.group, self.stream_of(host), self.key.account, self.key.region)
        for listener in self._listeners:
            log.on_line(listener)
        try:
            yield log
        finally:
            log.close()

    def exit_reason(self, outcome: Outcome, message: str) -> str:
        """The FailureReason of the program; on a full disk nothing it wrote of its failure may have been kept."""
        if self._disk_full and not message:
            return full_disk_reason(f"job {self.key.name}")
        return exit_reason(outcome, message)

    def stage_out(self, outputs: tuple[Output, ...]) -> None:
        stage_out(self.objects, outputs, self.root)

    def stop(self, grace: float) -> None:
        """Called from another thread: no program starts after this, and a running one is stopped."""
        self.stopping.set()
        with self._lock:
            if self.run is not None:
                self.run.stop(grace)

    def _stop_without_data(self) -> None:
        """Called from another thread: a channel's data cannot be had, so the program waits in vain for the rest."""
        with self._lock:
            if self.run is not None:
                self.run.stop(STOP_GRACE)

    def check_stop(self) -> None:
        if self.stopping.is_set():
            raise Stopped

    def failure_text(self, limit: int = 1024) -> str:
        """The first bytes of the failure file, on the host that failed first; empty when there is none."""
        file = find_file(self.failed_root, "output/failure")
        return "" if file is None else file.read(limit).decode(errors="replace")

    def close(self) -> None:
        """Close the log and delete the folder, once: later a new job of the same name may use the folder."""
        if not self._closed.is_set():
            self._closed.set()
            self.log.close()
            self.clear()

    def clear(self) -> None:
        remove_tree(self.folder)


JobFunction = Callable[[JobRun], None]


@dataclass(frozen=True)
class JobKind:
    """A kind of job that the engine runs: its row of the kinds, its work, and the members it gets at its end."""

    kind: ResourceKind
    execute: JobFunction
    ending: Callable[[Record, str, float], Mapping[str, Any]]
    """``(record, final status, now)`` -> the members a job gets at its end, whatever the end is."""
