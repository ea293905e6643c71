"""Expectations on jobs: how they end, what they print, and what they cost. Each waits for the job's end."""

from __future__ import annotations

import re
from typing import Any

from harness.asserts.evidence import last_answer, log_lines, log_tail
from harness.asserts.expectation import Expectation
from harness.kernel.kinds import KINDS as ALL_KINDS
from harness.kernel.kinds import ResourceKind

_NOT_THERE = re.compile(r"ResourceNotFound|not find|not found")
LONGEST_JOB = 86_400.0
"""Seconds. A job has a limit of its own; this one is for what never starts."""


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
    """``kind`` is the API's word: "ProcessingJob", "TrainingJob" or "TransformJob"."""

    def completed(self, kind: str, name: str, seconds: float = LONGEST_JOB) -> dict[str, Any]:
        """The job ends well; returns its description."""
        return self._ends(kind, name, "Completed", seconds)

    def failed(self, kind: str, name: str, reason: str = "", seconds: float = LONGEST_JOB) -> dict[str, Any]:
        """The job fails, with a FailureReason in which the regular expression ``reason`` is found."""
        description = self._ends(kind, name, "Failed", seconds)
        told = str(description.get("FailureReason", ""))
        if reason:
            evidence = f"it says: {told or 'nothing'}\n{self._log(kind, name)}"
            self.that(re.search(reason, told) is not None, f"{kind} {name} fails because of {reason!r}", evidence)
        return description

    def logged(self, kind: str, name: str, pattern: str, seconds: float = LONGEST_JOB) -> str:
        """A line of its log matches the regular expression; returns the first that does.

        Of an "Endpoint", too: that goes on, so there the line may come within the session's patience.
        """
        lasting = kind == "Endpoint"
        found = self._waited(
            lambda: self._matching(kind, name, pattern),
            min(seconds, self._session.patience) if lasting else seconds,
            lambda: not lasting and self._over(kind, name),
        )
        self.that(found is not None, f"the log of {name} has a line {pattern!r}", self._log(kind, name, not found))
        return str(found)

    def never_logged(self, kind: str, name: str, pattern: str, seconds: float = LONGEST_JOB) -> None:
        """No line of a job's whole log matches, nor one of an "Endpoint" up to now."""
        found = self._waited(lambda: self._matching(kind, name, pattern), seconds, lambda: self._over(kind, name))
        evidence = f"it says: {found}\n{self._log(kind, name, bool(found))}"
        self.that(found is None, f"the log of {name} has no line {pattern!r}", evidence)

    def billed(self, kind: str, name: str, below: float) -> float:
        """The job was billed fewer than so many instance seconds; returns how many. The measure of cost."""
        description = self._described(kind, name, LONGEST_JOB)
        found = billed_seconds(description)
        evidence = last_answer(kind_of(kind).method("Describe"), description)
        self.that(found < below, f"{kind} {name} is billed {found:.0f} s, below {below:g} s", evidence)
        return found

    def _ends(self, kind: str, name: str, wanted: str, seconds: float) -> dict[str, Any]:
        description = self._described(kind, name, seconds)
        status = description[f"{kind}Status"]
        evidence = ""
        if status != wanted:
            in_time = "" if status in _final(kind) else f" after {seconds:g} s"
            found = f"found {status}{in_time}: {description.get('FailureReason', '')}".rstrip(": ")
            answer = last_answer(kind_of(kind).method("Describe"), description)
            evidence = f"{found}\n{self._log(kind, name)}\n{answer}"
        self.that(status == wanted, f"{kind} {name} is {wanted}", evidence)
        return description

    def _described(self, kind: str, name: str, seconds: float) -> dict[str, Any]:
        """The description, once it is final; the last one when that takes longer."""
        from botocore.exceptions import ClientError

        last, absent = list[dict[str, Any]](), list[str]()

        def final() -> bool:
            try:
                last[:] = [self._describe(kind, name)]
            except ClientError as error:
                if not _NOT_THERE.search(str(error)):
                    raise
                absent[:] = [str(error)]
                return bool(last)  # it was there: nobody brings it back
            absent.clear()
            return last[0][f"{kind}Status"] in _final(kind)

        # What was just created may not be found yet; that passes soon, or it never was.
        self._waited(final, seconds, lambda: bool(absent))
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

    def _log(self, kind: str, name: str, wanted: bool = True) -> str:
        """The end of its log; it is asked for only where it is wanted."""
        return log_tail(self._session.client("logs"), kind_of(kind), name) if wanted else ""


def billed_seconds(description: dict[str, Any]) -> float:
    """Instance seconds: training says them itself, of the others it is the time they ran, for each instance."""
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
