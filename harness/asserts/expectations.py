"""The expectations a scenario states. Each is told to the session; one that is not met ends the scenario."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, TypeVar

from harness.asserts.objects import archive_members, bucket_and_key, listing, read
from harness.session.job_logs import job_log
from harness.session.scenario import Session

_JOBS = {
    "ProcessingJob": ("describe_processing_job", "/aws/sagemaker/ProcessingJobs"),
    "TrainingJob": ("describe_training_job", "/aws/sagemaker/TrainingJobs"),
    "TransformJob": ("describe_transform_job", "/aws/sagemaker/TransformJobs"),
}
Violation = tuple[str, str]
_T = TypeVar("_T")


class ExpectationFailed(AssertionError):
    """What was expected, what was found, and where to look further."""


class Expectations:
    def __init__(self, session: Session) -> None:
        self._session = session

    def that(self, met: bool, text: str, evidence: str = "") -> None:
        self._session.expected(text, met, "" if met else evidence)
        if not met:
            raise ExpectationFailed(f"expected: {text}\n{evidence}".rstrip())

    def equal(self, actual: Any, expected: Any, text: str) -> None:
        self.that(actual == expected, text, f"expected {expected!r}\nfound    {actual!r}")

    def between(self, value: float, low: float, high: float, text: str) -> None:
        met = low <= value <= high
        self.that(
            met, f"{text} is between {low:g} and {high:g}" + (f": {value:.4g}" if met else ""), f"found {value!r}"
        )

    def close(self, actual: Sequence[float], expected: Sequence[float], text: str, tolerance: float = 1e-6) -> None:
        """Numbers that agree one by one, to a relative or absolute tolerance."""
        wrong = [
            f"  {row}: expected {want!r}, found {got!r}"
            for row, (got, want) in enumerate(zip(actual, expected, strict=False))
            if not math.isclose(got, want, rel_tol=tolerance, abs_tol=tolerance)
        ]
        lengths = f"{len(actual)} numbers, {len(expected)} expected"
        evidence = "\n".join([lengths, f"{len(wrong)} differ; the first:", *wrong[:5]])
        self.that(len(actual) == len(expected) and not wrong, f"{text} ({len(expected)} numbers)", evidence)

    def eventually(self, probe: Callable[[], _T], text: str, seconds: float = 60.0) -> _T:
        """The first answer of ``probe`` that counts as true; the last one is the evidence when none comes in time."""
        deadline, pause = time.monotonic() + seconds, 0.02
        while not (answer := probe()) and time.monotonic() < deadline:
            time.sleep(pause)
            pause = min(pause * 1.5, 1.0)
        self.that(bool(answer), text, f"not within {seconds:g} s; last found: {answer!r}"[:2000])
        return answer

    def completed(self, kind: str, name: str) -> dict[str, Any]:
        """A job ended well; returns its description."""
        describe, group = _JOBS[kind]
        description: dict[str, Any] = getattr(self._session.client("sagemaker"), describe)(**{f"{kind}Name": name})
        status = description[f"{kind}Status"]
        evidence = "" if status == "Completed" else self._why(group, name, status, description.get("FailureReason", ""))
        self.that(status == "Completed", f"{kind} {name} is Completed", evidence)
        return description

    def objects(self, prefix: str, names: Iterable[str] = ()) -> list[str]:
        """Objects lie under a prefix; ``names`` are the last parts of keys that must be among them."""
        found = listing(self._session.client("s3"), prefix)
        present = {uri.rsplit("/", 1)[-1] for uri in found}
        wanted = list(names)
        text = f"{_short(prefix)} holds {', '.join(wanted) or 'objects'}"
        listed = "\n".join(found[:20]) or f"nothing lies under it; look with `aws s3 ls --recursive {prefix}`"
        self.that(bool(found) and present.issuperset(wanted), text, listed)
        return found

    def archive(self, uri: str, names: Collection[str]) -> dict[str, bytes]:
        """An archive that unpacks to (at least) these files; returns them all."""
        members = archive_members(self._session.client("s3"), uri)
        self.that(set(names) <= set(members), f"{_last(uri)} holds {', '.join(names)}", f"it holds {sorted(members)}")
        return members

    def text_object(self, uri: str) -> str:
        body = read(self._session.client("s3"), uri).decode()
        self.that(bool(body), f"{_last(uri)} is not empty", uri)
        return body

    def violations(self, found: Iterable[dict[str, Any]], expected: Collection[Violation], text: str) -> None:
        """Exactly these (feature, check) pairs were violated."""
        listed = {(entry["feature_name"], entry["constraint_check_type"]): entry["description"] for entry in found}
        missing, surplus = set(expected) - set(listed), set(listed) - set(expected)
        lines = [f"  missing: {feature} {check}" for feature, check in sorted(missing)]
        lines += [f"  not expected: {pair[0]} {pair[1]}: {listed[pair]}" for pair in sorted(surplus)]
        self.that(not lines, text, "\n".join(lines))

    def _why(self, group: str, name: str, status: str, reason: str) -> str:
        lines = list(job_log(self._session.client("logs"), group, name))
        tail = [f"  | {line}" for line in lines[-20:]] or ["  (it wrote no log)"]
        return "\n".join([f"found {status}: {reason}", "end of its log:", *tail, f"more: harness logs {name}"])


def _short(uri: str) -> str:
    """Enough of a prefix to be recognised in a list."""
    parts = bucket_and_key(uri)[1].split("/")
    return uri if len(parts) <= 3 else "…/" + "/".join(parts[-3:])


def _last(uri: str) -> str:
    return bucket_and_key(uri)[1].rsplit("/", 1)[-1]
