"""The programs of one job on several hosts as one ``Run``, and their outputs merged into those of the first."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Sequence
from pathlib import Path

from harness.contract.layout import JobPlan
from harness.engine.jobs.staging import result_files
from harness.kernel.job_files import NotRegular, move_into
from harness.runners.spec import Cause, Outcome, Run

log = logging.getLogger(__name__)

STOP_GRACE = 10.0
"""Seconds that the other hosts have when one has failed: their work is lost in any case."""


class MultiHostRun:
    """Ends when all have ended. The first that fails has the others stopped, and its outcome is the job's.

    Hosts that work together fail one after the other, within moments: the first by its own clock counts.
    """

    def __init__(self, runs: Sequence[Run]) -> None:
        self.spec = runs[0].spec
        self._runs = runs
        self._ended: list[tuple[Run, Outcome]] = []
        self._done = threading.Event()
        self._lock = threading.Lock()
        for run in runs:
            threading.Thread(target=self._watch, args=(run,), name=f"host-{run.spec.hostname}", daemon=True).start()

    def wait(self, timeout: float | None = None) -> Outcome | None:
        return self._decisive()[1] if self._done.wait(timeout) else None

    def root_of_decisive_host(self) -> Path:
        """Return the root of the host that decided the outcome."""
        return self._decisive()[0].spec.root

    def stop(self, grace: float | None = None) -> None:
        for run in self._runs:
            run.stop(grace)

    def kill(self) -> None:
        for run in self._runs:
            run.kill()

    def pids(self) -> tuple[int, ...]:
        return tuple(pid for run in self._runs for pid in run.pids())

    def socket(self) -> tuple[socket.socket, tuple[str, int]]:
        return self._runs[0].socket()

    def _watch(self, run: Run) -> None:
        outcome = run.wait()
        assert outcome is not None  # without a time-out it returns when the program has ended
        with self._lock:
            first = _went_wrong(outcome) and not any(_went_wrong(other) for _, other in self._ended)
            self._ended.append((run, outcome))
            last = len(self._ended) == len(self._runs)
        if first:
            for other in self._runs:
                other.stop(STOP_GRACE)
        if last:
            self._done.set()

    def _decisive(self) -> tuple[Run, Outcome]:
        failed = [(run, outcome) for run, outcome in self._ended if _went_wrong(outcome)]
        # A host that the job stopped because of another one's failure ended later than that one.
        return min(failed, key=lambda item: item[1].ended) if failed else self._ended[0]


def _went_wrong(outcome: Outcome) -> bool:
    return outcome.cause is not Cause.EXITED or outcome.code != 0


OF_ONE_HOST = ("output/failure", "output/message")
"""Files that are read on each host and not merged."""


def merge_outputs(plan: JobPlan) -> None:
    """Move the outputs of the other hosts to those of the first host, which wins when names are equal."""
    folders = dict.fromkeys(("output", *(output.path for output in plan.outputs if not output.continuous)))
    for other in plan.others:
        for folder in folders:
            for file in list(result_files(other.run.root, folder)):
                if file.name in OF_ONE_HOST:
                    continue
                try:
                    move_into(file, plan.run.root)
                except (FileNotFoundError, NotRegular) as error:  # the program put a link in the way
                    log.warning("a result of host %s is left out: %s", other.run.hostname, error)
