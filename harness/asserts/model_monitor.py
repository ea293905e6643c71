"""Expectations on Model Monitor: how a schedule's execution ends, its statistics, constraints and violations."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from harness.asserts.artifacts import Artifacts
from harness.asserts.evidence import last_answer, trim
from harness.asserts.jobs import JobExpectations
from harness.asserts.objects import listing, read_json

Violation = tuple[str, str]
"""A feature and a check."""
Document = Mapping[str, Any] | str
"""One of the monitor's JSON documents, or the S3 URI of it."""
_RUNNING = frozenset(["Pending", "InProgress", "Stopping"])


@dataclass(frozen=True)
class MonitoringExecution:
    """One execution of a schedule and its output; documents that it did not write are empty."""

    summary: dict[str, Any]
    statistics: dict[str, Any]
    constraints: dict[str, Any]
    violations: dict[str, Any]
    output: str


class ModelMonitorExpectations(Artifacts, JobExpectations):
    def executed(
        self, schedule: str, status: str = "Completed", *, executions: int = 1, seconds: float | None = None
    ) -> MonitoringExecution:
        """Expect the latest execution of a schedule to end with this status; return the execution and its output.

        This waits until there are at least ``executions`` of them. Schedules run on the hour: advance the clock with
        ``session.advance_clock(3600)``. Without ``seconds`` this waits as long as an execution takes, and on AWS for
        the hour as well.
        """
        last: list[dict[str, Any]] = []

        def over() -> bool:
            last[:] = self._executions(schedule)
            return len(last) >= executions and last[0]["MonitoringExecutionStatus"] not in _RUNNING

        self._wait_for(over, self._session.patience * 8 if seconds is None else seconds)
        actual = last[0]["MonitoringExecutionStatus"] if last else "no execution"
        text = f"the latest execution of {schedule} is {status}"
        met = len(last) >= executions and actual == status
        self.that(met, text, "" if met else self._explain_execution(actual, executions, last))
        return self._read(last[0])

    def violations(
        self, found: Iterable[dict[str, Any]] | Document, expected: Collection[Violation], text: str
    ) -> None:
        """Expect exactly these (feature, check) pairs to be violated.

        ``found`` are the violations of an execution: the list, the document or its URI.
        """
        entries = self._document(found)["violations"] if isinstance(found, (str, Mapping)) else found
        listed = {(entry["feature_name"], entry["constraint_check_type"]): entry["description"] for entry in entries}
        missing, surplus = set(expected) - set(listed), set(listed) - set(expected)
        lines = [f"  missing: {feature} {check}" for feature, check in sorted(missing)]
        lines += [f"  not expected: {pair[0]} {pair[1]}: {listed[pair]}" for pair in sorted(surplus)]
        self.that(not lines, text, "\n".join(lines))

    def statistic(
        self, statistics: Document, feature: str, name: str, low: float = -math.inf, high: float = math.inf
    ) -> float:
        """Expect a statistic of a feature within a range, such as "mean", "std_dev", "min", "max" or "num_present"."""
        entry = self._feature(self._document(statistics), feature)
        numbers = _numbers(entry)
        if name not in numbers:
            self.fail(f"{feature} has a statistic {name}", f"it has {', '.join(numbers) or 'none'}")
        self.between(numbers[name], low, high, f"{name} of {feature}", f"all of {feature}: {numbers}")
        return numbers[name]

    def constraint(self, constraints: Document, feature: str, **expected: Any) -> dict[str, Any]:
        """Expect suggested constraints of a feature to have these values; return all constraints of the feature.

        Examples: ``inferred_type="Integral"``, ``completeness=1.0``, ``is_non_negative=True``, ``domains=["a", "b"]``.
        """
        entry = self._feature(self._document(constraints), feature)
        flat = {**entry, **(entry.get("num_constraints") or {}), **(entry.get("string_constraints") or {})}
        wrong = [
            f"  {key}: expected {want!r}, found {flat.get(key)!r}"
            for key, want in expected.items()
            if flat.get(key) != want
        ]
        text = ", ".join(f"{key} {want!r}" for key, want in expected.items())
        self.that(not wrong, f"the constraint on {feature} is {text}", "\n".join([*wrong, trim(entry)]))
        return entry

    def _executions(self, schedule: str) -> list[dict[str, Any]]:
        """Return the executions of a schedule, the latest first."""
        answer = self._session.client("sagemaker").list_monitoring_executions(
            MonitoringScheduleName=schedule, SortBy="ScheduledTime", SortOrder="Descending"
        )
        summaries: list[dict[str, Any]] = answer["MonitoringExecutionSummaries"]
        return summaries

    def _explain_execution(self, actual: str, executions: int, last: list[dict[str, Any]]) -> str:
        lines = [f"found {actual}; {len(last)} of {executions} executions"]
        if last:
            lines.append(last_answer("list_monitoring_executions", last[0]))
        if last and (arn := last[0].get("ProcessingJobArn")):
            lines.append(self._log("ProcessingJob", arn.rsplit("/", 1)[-1]))
        return "\n".join(lines)

    def _read(self, summary: dict[str, Any]) -> MonitoringExecution:
        if "ProcessingJobArn" not in summary:
            return MonitoringExecution(summary, {}, {}, {}, "")
        job = self._describe("ProcessingJob", summary["ProcessingJobArn"].rsplit("/", 1)[-1])
        outputs = job.get("ProcessingOutputConfig", {}).get("Outputs", [])
        prefix = outputs[0]["S3Output"]["S3Uri"] if outputs else ""
        s3 = self._session.client("s3")
        written = {uri.rsplit("/", 1)[-1]: uri for uri in listing(s3, prefix)} if prefix else {}

        def document(name: str) -> dict[str, Any]:
            return read_json(s3, written[name]) if name in written else {}

        statistics, constraints = document("statistics.json"), document("constraints.json")
        return MonitoringExecution(summary, statistics, constraints, document("constraint_violations.json"), prefix)

    def _document(self, document: Document) -> Mapping[str, Any]:
        if isinstance(document, str):
            read: dict[str, Any] = json.loads(self._body(document))
            return read
        return document

    def _feature(self, document: Mapping[str, Any], name: str) -> dict[str, Any]:
        features = {feature["name"]: feature for feature in document.get("features", [])}
        if name not in features:
            self.fail(f"there is a feature {name}", f"there are {', '.join(features) or 'none'}")
        feature: dict[str, Any] = features[name]
        return feature


def _numbers(feature: Mapping[str, Any]) -> dict[str, float]:
    both = [feature.get(kind) or {} for kind in ("numerical_statistics", "string_statistics")]
    flat = {**both[0], **both[1], **(both[0].get("common") or {}), **(both[1].get("common") or {})}
    return {key: float(value) for key, value in flat.items() if isinstance(value, (int, float))}
