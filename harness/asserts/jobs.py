"""Expectations on jobs: how they end, what they log, and what they cost. Each waits for the end of the job."""

from __future__ import annotations

import re
from typing import Any

from harness.asserts.evidence import last_answer, log_lines, log_tail
from harness.asserts.expectation import Expectation
from harness.kernel.kinds import KINDS as ALL_KINDS
from harness.kernel.kinds import ResourceKind

_NOT_THERE = re.compile(r"ResourceNotFound|not find|not found")
LONGEST_JOB = 86_400.0
"""Seconds to wait for a job. Jobs have their own time limit, so this matters only for jobs that never start."""


KINDS = {noun: kind for noun, kind in ALL_KINDS.items() if kind.lifecycle and kind.log_group}
"""The kinds whose end can be expected: jobs and endpoints."""


def kind_of(name: str) -> ResourceKind:
    if name not in KINDS:
        raise ValueError(f"{name!r} is none of {', '.join(KINDS)}")
    return KINDS[name]


def _final(kind: str) -> frozenset[str]:
    lifecycle = kind_of(kind).lifecycle
    return lifecycle.final if lifecycle else frozenset()


class JobExpectations(Expectation):
    """Expectations on jobs; ``kind`` is "ProcessingJob", "TrainingJob" or "TransformJob", as in the API."""

    def completed(self, kind: str, name: str, seconds: float = LONGEST_JOB) -> dict[str, Any]:
        """Expect the job to end as Completed; return its description."""
        return self._ends(kind, name, "Completed", seconds)

    def failed(self, kind: str, name: str, reason: str = "", seconds: float = LONGEST_JOB) -> dict[str, Any]:
        """Expect the job to fail, with a FailureReason that matches the regular expression ``reason``."""
        description = self._ends(kind, name, "Failed", seconds)
        message = str(description.get("FailureReason", ""))
        if reason:
            evidence = f"it says: {message or 'nothing'}\n{self._log(kind, name)}"
            self.that(re.search(reason, message) is not None, f"{kind} {name} fails because of {reason!r}", evidence)
        return description

    def logged(self, kind: str, name: str, pattern: str, seconds: float = LONGEST_JOB) -> str:
        """Expect a line of the log to match a regular expression; return the first such line.

        ``kind`` may be "Endpoint" too: an endpoint does not end, so this waits for the session's patience.
        """
        lasting = kind == "Endpoint"
        line = self._wait_for(
            lambda: self._matching(kind, name, pattern),
            min(seconds, self._session.patience) if lasting else seconds,
            lambda: not lasting and self._over(kind, name),
        )
        self.that(line is not None, f"the log of {name} has a line {pattern!r}", self._log(kind, name, not line))
        return str(line)

    def never_logged(self, kind: str, name: str, pattern: str, seconds: float = LONGEST_JOB) -> None:
        """Expect no line of a job's complete log to match, or of an endpoint's log so far."""
        line = self._wait_for(lambda: self._matching(kind, name, pattern), seconds, lambda: self._over(kind, name))
        evidence = f"it says: {line}\n{self._log(kind, name, bool(line))}"
        self.that(line is None, f"the log of {name} has no line {pattern!r}", evidence)

    def billed(self, kind: str, name: str, below: float) -> float:
        """Expect the job to be billed for less than ``below`` instance seconds; return the billed seconds."""
        description = self._wait_until_final(kind, name, LONGEST_JOB)
        billed = billed_seconds(description)
        evidence = last_answer(kind_of(kind).method("Describe"), description)
        self.that(billed < below, f"{kind} {name} is billed {billed:.0f} s, below {below:g} s", evidence)
        return billed

    def _ends(self, kind: str, name: str, expected: str, seconds: float) -> dict[str, Any]:
        description = self._wait_until_final(kind, name, seconds)
        status = description[f"{kind}Status"]
        evidence = ""
        if status != expected:
            in_time = "" if status in _final(kind) else f" after {seconds:g} s"
            actual = f"found {status}{in_time}: {description.get('FailureReason', '')}".rstrip(": ")
            answer = last_answer(kind_of(kind).method("Describe"), description)
            evidence = f"{actual}\n{self._log(kind, name)}\n{answer}"
        self.that(status == expected, f"{kind} {name} is {expected}", evidence)
        return description

    def _wait_until_final(self, kind: str, name: str, seconds: float) -> dict[str, Any]:
        """Return the description once its status is final, or the last one after ``seconds``."""
        from botocore.exceptions import ClientError

        last, absent = list[dict[str, Any]](), list[str]()

        def final() -> bool:
            try:
                last[:] = [self._describe(kind, name)]
            except ClientError as error:
                if not _NOT_THERE.search(str(error)):
                    raise
                absent[:] = [str(error)]
                return bool(last)  # it existed and is deleted: waiting is of no use
            absent.clear()
            return last[0][f"{kind}Status"] in _final(kind)

        # A resource that was just created may not be visible yet.
        self._wait_for(final, seconds, lambda: bool(absent))
        if absent:
            when = last_answer("its description before", last[0]) if last else "it was never created"
            self.fail(f"{kind} {name} is there", f"{absent[0]}\n{when}")
        return last[0]

    def _describe(self, kind: str, name: str) -> dict[str, Any]:
        ask = getattr(self._session.client("sagemaker"), kind_of(kind).method("Describe"))
        description: dict[str, Any] = ask(**{f"{kind}Name": name})
        return description

    def _over(self, kind: str, name: str) -> bool:
        return self._describe(kind, name)[f"{kind}Status"] in _final(kind)

    def _matching(self, kind: str, name: str, pattern: str) -> str | None:
        lines = log_lines(self._session.client("logs"), kind_of(kind), name)
        return next((line for line in lines if re.search(pattern, line)), None)

    def _log(self, kind: str, name: str, needed: bool = True) -> str:
        """Return the end of a log; empty if it is not ``needed``."""
        return log_tail(self._session.client("logs"), kind_of(kind), name) if needed else ""


def billed_seconds(description: dict[str, Any]) -> float:
    """Return the billed instance seconds: from the description of training jobs, else run time times instances."""
    if "BillableTimeInSeconds" in description:
        return float(description["BillableTimeInSeconds"]) * _instances(description.get("ResourceConfig", {}))
    kind = "Processing" if "ProcessingEndTime" in description else "Transform"
    if f"{kind}EndTime" not in description or f"{kind}StartTime" not in description:
        return 0.0
    ran = (description[f"{kind}EndTime"] - description[f"{kind}StartTime"]).total_seconds()
    cluster = description.get("ProcessingResources", {}).get("ClusterConfig") or description.get(
        "TransformResources", {}
    )
    return float(ran * _instances(cluster))


def _instances(cluster: dict[str, Any]) -> int:
    groups = cluster.get("InstanceGroups") or [cluster]
    return sum(int(group.get("InstanceCount", 1)) for group in groups)
