"""Which of several hosts decides how a job ended, without processes."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from harness.engine.jobs.multi_host_run import MultiHostRun
from harness.runners.spec import Cause, Environment, Outcome, RunSpec

pytestmark = pytest.mark.provenance("assumed", source="harness's own behaviour")


class Host:
    """A run that ends when it is told to, or stopped."""

    def __init__(self, number: int) -> None:
        self.spec = RunSpec("job", (), Environment("own"), Path(f"/jobs/{number}"), hostname=f"algo-{number}")
        self.stopped = False
        self._outcome: Outcome | None = None
        self._ended = threading.Event()

    def end(self, code: int, moment: float, cause: Cause = Cause.EXITED) -> None:
        if self._outcome is None:
            self._outcome = Outcome(cause, code, 0.0, moment)
            self._ended.set()

    def wait(self, timeout: float | None = None) -> Outcome | None:
        self._ended.wait(timeout)
        return self._outcome

    def stop(self, grace: float | None = None) -> None:
        self.stopped = True
        self.end(143, 9.0, Cause.STOPPED)


@pytest.fixture
def hosts() -> list[Any]:
    return [Host(number) for number in (1, 2, 3)]


def test_a_job_whose_hosts_all_end_well_has_ended_well(hosts: list[Any]) -> None:
    run = MultiHostRun(hosts)
    for moment, host in enumerate(hosts):
        assert run.wait(0) is None
        host.end(0, moment)
    outcome = run.wait(5)
    assert outcome is not None
    assert (outcome.cause, outcome.code) == (Cause.EXITED, 0)
    assert not any(host.stopped for host in hosts)


def test_the_first_failure_by_its_own_clock_counts_and_stops_the_rest(hosts: list[Any]) -> None:
    hosts[0].end(0, 1.0)
    hosts[1].end(2, 3.0)  # heard of first
    hosts[2].end(7, 2.0)
    run = MultiHostRun(hosts)
    outcome = run.wait(5)
    assert outcome is not None
    assert (outcome.code, run.root_of_decisive_host()) == (7, Path("/jobs/3"))


def test_a_stopped_host_does_not_hide_the_failure(hosts: list[Any]) -> None:
    run = MultiHostRun(hosts)
    hosts[1].end(4, 5.0)
    outcome = run.wait(5)
    assert outcome is not None
    assert (outcome.cause, outcome.code, run.root_of_decisive_host()) == (Cause.EXITED, 4, Path("/jobs/2"))
    assert hosts[0].stopped
    assert hosts[2].stopped
