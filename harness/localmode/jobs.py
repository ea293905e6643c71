"""Jobs that local mode runs: each in an SDK session of its own, its end kept as Describe tells it.

Local mode blocks, raises when a container fails and remembers little. Here a job that failed is a job, Failed, with the
reason its container wrote; its log lies in CloudWatch Logs; what its containers left is removed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Protocol

from harness.engine.jobs.failures import JobFailed
from harness.kernel.kinds import KINDS
from harness.kernel.removal import remove_tree
from harness.kernel.safe_paths import UnsafeName, below
from harness.localmode.container_engine import remove
from harness.localmode.context import LocalModeContext, refused
from harness.localmode.logs import LogLines, put_log
from harness.localmode.sdk import LocalSdk, OneRun

MAX_REASON = 1024


class OutputReader(Protocol):
    def read_output(self, name: str) -> str:
        """What the container left as ``/opt/ml/output/<name>``; empty when nothing."""


@dataclass
class LocalJob:
    """``told`` is what Describe says beyond the request."""

    kind: str
    name: str
    arn: str
    request: Mapping[str, Any]
    told: dict[str, Any] = field(default_factory=dict)
    lines: LogLines = field(default_factory=list)

    @property
    def status_member(self) -> str:
        return f"{self.kind}Status"

    def describe(self) -> dict[str, Any]:
        return {**deepcopy(dict(self.request)), f"{self.kind}Name": self.name, f"{self.kind}Arn": self.arn, **self.told}


class LocalJobs:
    def __init__(self, around: LocalModeContext, sdk: LocalSdk) -> None:
        self._around = around
        self._sdk = sdk
        self._known: dict[tuple[str, str], LocalJob] = {}
        self._lock = threading.Lock()

    def find(self, kind: str, name: str) -> LocalJob:
        job = self._known.get((kind, name))
        if job is None:
            message = (
                "Requested resource not found."
                if kind == "TrainingJob"
                else f"Could not find requested job with name: {name}"
            )
            raise refused(f"Describe{kind}", message)
        return job

    def has(self, kind: str, name: str) -> bool:
        return (kind, name) in self._known

    def ran(self) -> list[dict[str, str]]:
        return [
            {
                "status": job.told[job.status_member],
                "kind": KINDS[kind].type,
                "name": name,
                "reason": job.told.get("FailureReason", ""),
            }
            for (kind, name), job in self._known.items()
        ]

    def begin(self, kind: str, request: Mapping[str, Any]) -> LocalJob:
        name = request[f"{kind}Name"]
        try:
            below(self._around.folder, name)
        except UnsafeName as error:
            raise refused(f"Create{kind}", f"{kind}Name {name!r} cannot be a name: {error}") from error
        arn = self._around.arn(KINDS[kind].type, name)
        job = LocalJob(kind, name, arn, deepcopy(dict(request)))
        with self._lock:
            if (kind, name) in self._known:
                raise self._around.refused(
                    f"Create{kind}",
                    f"Job name must be unique within an AWS account: {arn} already exists",
                    "ResourceInUse",
                )
            self._known[kind, name] = job
        now = utc_now()
        job.told = {job.status_member: "InProgress", "CreationTime": now, "LastModifiedTime": now}
        return job

    def run(self, job: LocalJob, image: str, work: Callable[[OneRun], None]) -> None:
        """``work`` makes the SDK run it in a session of its own; returns when it ended, well or not."""
        folder = below(self._around.folder, job.name)
        folder.mkdir(parents=True)
        run: list[OneRun] = []

        def begin() -> OutputReader:
            run.append(self._sdk.one_run(self._around, folder, job.name))
            return run[0]

        self.run_in(job, image, folder, begin, lambda: work(run[0]))

    def run_in(
        self, job: LocalJob, image: str, folder: Path, begin: Callable[[], OutputReader], work: Callable[[], None]
    ) -> None:
        """The same with whatever ``work`` starts; ``folder`` is gone afterwards."""
        started = utc_now()
        try:
            run = begin()
            failure = self._worked(job, run, work)
            self._end(job, started, run, failure)
        except BaseException:
            with self._lock:  # it was refused or broken off, it never was a job
                self._known.pop((job.kind, job.name), None)
            raise
        finally:
            remove(self._around.engine.containers(job.name))
            self._around.engine.give_back(folder, image)
            remove_tree(folder)

    def _worked(self, job: LocalJob, run: OutputReader, work: Callable[[], None]) -> str:
        """Empty, or why it failed. The SDK raises one error for what it does not take and for a failing container."""
        try:
            work()
        except JobFailed as failed:
            return str(failed)[:MAX_REASON]
        except (RuntimeError, ValueError) as error:
            containers = self._around.engine.containers(job.name)
            if not containers:
                raise refused(f"Create{job.kind}", f"local mode: {error}") from error
            code = max(map(self._around.engine.exit_code, containers))
            reason = " ".join(run.read_output("failure").split())  # callers hand it on where a line is wanted
            return f"AlgorithmError: {reason}, exit code: {code}"[:MAX_REASON]
        return ""

    def _end(self, job: LocalJob, started: datetime, run: OutputReader, failure: str) -> None:
        for number, container in enumerate(reversed(self._around.engine.containers(job.name)), start=1):
            lines = self._around.engine.log_lines(container)
            job.lines += lines
            stream = f"{job.name}/algo-{number}-{int(started.timestamp())}"
            put_log(self._around.client("logs"), f"/aws/sagemaker/{job.kind}s", stream, lines)
        ended = utc_now()
        verb = job.kind.removesuffix("Job")
        job.told |= {
            job.status_member: "Failed" if failure else "Completed",
            f"{verb}StartTime": started,
            f"{verb}EndTime": ended,
            "LastModifiedTime": ended,
        }
        if failure:
            job.told["FailureReason"] = failure
        if message := run.read_output("message"):
            job.told["ExitMessage"] = message[:MAX_REASON]


def utc_now() -> datetime:
    return datetime.now(timezone.utc)
