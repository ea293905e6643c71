"""Expectations on endpoints: in service, shape and values of their answers, how fast they come, what they refuse."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Sequence
from typing import Any

from harness.asserts.evidence import last_answer, trimmed
from harness.asserts.jobs import JobExpectations, kind_of
from harness.asserts.shapes import decoded, misfits, numbers_of

CSV, JSON = "text/csv", "application/json"
LONGEST_START = 7_200.0
Payload = str | bytes


class EndpointAnswers(JobExpectations):
    def in_service(self, endpoint: str, seconds: float = LONGEST_START) -> dict[str, Any]:
        """The endpoint is up, or comes up; returns its description."""
        return self._ends("Endpoint", endpoint, "InService", seconds)

    def answers(
        self, endpoint: str, payload: Payload, shape: Any = None, *, content_type: str = CSV, accept: str = ""
    ) -> Any:
        """One request is answered with a value of this shape (see ``harness.asserts.shapes``); returns the value.

        JSON is decoded to its value, CSV to rows of cells. ``accept`` is the content type when not given.
        """
        from botocore.exceptions import ClientError

        try:
            body, kind = self._invoke(endpoint, payload, content_type, accept)
        except ClientError as error:
            self.fail(f"{endpoint} answers", self._refused(endpoint, payload, error))
        try:
            value = decoded(body, kind)
        except ValueError as error:
            self.fail(f"{endpoint} answers in {kind}", f"{error}\nit answers: {trimmed(body)}")
        wrong = [f"  {line}" for line in ([] if shape is None else misfits(value, shape))]
        text = f"{endpoint} answers" + ("" if shape is None else " in the right shape")
        evidence = [*wrong[:10], f"asked: {trimmed(payload)}", f"it answers: {trimmed(body)}"]
        self.that(not wrong, text, "\n".join(evidence))
        return value

    def same_as_offline(
        self,
        endpoint: str,
        rows: Sequence[str],
        offline: Sequence[float] | Callable[[str], Sequence[float]],
        *,
        batch: int = 10,
        tolerance: float = 1e-6,
        content_type: str = CSV,
        accept: str = "",
    ) -> list[float]:
        """Every number of the answers equals that of an offline prediction; returns the answers.

        ``rows`` are lines, sent ``batch`` in a request. ``offline`` is the numbers, or what gives them for all lines.
        """
        requests = ["\n".join(rows[start : start + batch]) for start in range(0, len(rows), batch)]
        bodies = [decoded(*self._invoke(endpoint, request, content_type, accept)) for request in requests]
        found = [number for body in bodies for number in numbers_of(body)]
        expected = offline("\n".join(rows)) if callable(offline) else offline
        self.close(found, list(map(float, expected)), f"answers of {endpoint} equal offline predictions", tolerance)
        return found

    def latency(
        self,
        endpoint: str,
        payload: Payload,
        *,
        calls: int = 50,
        warm_up: int = 1,
        content_type: str = CSV,
        accept: str = "",
        **percentiles: float,
    ) -> dict[str, float]:
        """Bounds in seconds for percentiles over calls, one after the other: ``latency(…, p50=0.02, p95=0.1)``.

        Timed at the caller, so the network counts. ``warm_up`` calls before are not counted. Returns the percentiles.
        """
        asked = {name: _percent(name) for name in percentiles}
        for _ in range(warm_up):
            self._invoke(endpoint, payload, content_type, accept)
        took = []
        for _ in range(calls):
            begun = time.perf_counter()
            self._invoke(endpoint, payload, content_type, accept)
            took.append(time.perf_counter() - begun)
        took.sort()
        found = {name: _percentile(took, percent) for name, percent in {**_USUAL, **asked}.items()}
        told = ", ".join(f"{name} {value * 1000:.1f} ms" for name, value in found.items())
        wrong = [f"  {name} is {found[name]:.4f} s" for name, bound in percentiles.items() if found[name] > bound]
        slowest = ", ".join(f"{value:.4f}" for value in took[-5:])
        evidence = [*wrong, f"over {calls} calls: {told}", f"the slowest, in seconds: {slowest}"]
        bounds = ", ".join(f"{name} ≤ {bound:g} s" for name, bound in percentiles.items())
        self.that(not wrong, f"{endpoint} answers in time ({bounds or told})", "\n".join(evidence))
        return found

    def refuses(
        self,
        endpoint: str,
        payload: Payload,
        *,
        error: str = "ModelError",
        status: int | None = None,
        says: str = "",
        content_type: str = CSV,
        accept: str = "",
    ) -> str:
        """A request is answered with an error: its code, for a ModelError the model's own HTTP status, and a regular
        expression found in its message. Without ``status`` any 4xx will do. Returns the message."""
        from botocore.exceptions import ClientError

        text = f"{endpoint} refuses it with {error} {status or '4xx'}"
        try:
            body, _ = self._invoke(endpoint, payload, content_type, accept)
        except ClientError as raised:
            refusal = raised
        else:
            self.fail(text, f"asked: {trimmed(payload)}\nit answers: {trimmed(body)}")
        told = refusal.response
        found = told.get("OriginalStatusCode") or told["ResponseMetadata"]["HTTPStatusCode"]
        message = str(told.get("OriginalMessage") or told["Error"].get("Message", ""))
        met = told["Error"]["Code"] == error and (found == status if status else 400 <= found < 500)
        met = met and re.search(says, message) is not None
        self.that(met, text, "" if met else self._refused(endpoint, payload, refusal))
        return message

    def _invoke(self, endpoint: str, payload: Payload, content_type: str, accept: str) -> tuple[bytes, str]:
        """The body, and what it says it is."""
        answer = self._session.client("sagemaker-runtime").invoke_endpoint(
            EndpointName=endpoint, Body=payload, ContentType=content_type, Accept=accept or content_type
        )
        body: bytes = answer["Body"].read()
        return body, answer.get("ContentType") or accept or content_type

    def _refused(self, endpoint: str, payload: Payload, error: Any) -> str:
        from botocore.exceptions import ClientError

        lines = [f"asked: {trimmed(payload)}", f"it refuses: {error}", last_answer("invoke_endpoint", error.response)]
        try:
            status = self._describe("Endpoint", endpoint)["EndpointStatus"]
            lines += [f"{kind_of('Endpoint').method('Describe')} says {status}", self._log("Endpoint", endpoint)]
        except ClientError as gone:
            lines.append(str(gone))
        return "\n".join(lines)


_USUAL = {"p50": 50.0, "p95": 95.0}


def _percent(name: str) -> float:
    if not re.fullmatch(r"p\d{1,2}(_\d)?", name):
        raise TypeError(f"{name!r} is no percentile such as p50, p95 or p99_9")
    return float(name[1:].replace("_", "."))


def _percentile(ordered: Sequence[float], percent: float) -> float:
    """The nearest rank: a time that was really taken."""
    return ordered[max(math.ceil(len(ordered) * percent / 100) - 1, 0)]
