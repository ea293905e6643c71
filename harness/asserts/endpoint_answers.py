"""Expectations on endpoints: that they are in service, their answers, their latency and their errors."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Sequence
from typing import Any

from harness.asserts.evidence import last_answer, trim
from harness.asserts.jobs import JobExpectations, kind_of
from harness.asserts.shapes import decode, misfits, numbers_of

CSV, JSON = "text/csv", "application/json"
LONGEST_START = 7_200.0
Payload = str | bytes


class EndpointAnswers(JobExpectations):
    def in_service(self, endpoint: str, seconds: float = LONGEST_START) -> dict[str, Any]:
        """Expect the endpoint to be, or to come, in service; return its description."""
        return self._ends("Endpoint", endpoint, "InService", seconds)

    def answers(
        self, endpoint: str, payload: Payload, shape: Any = None, *, content_type: str = CSV, accept: str = ""
    ) -> Any:
        """Send one request and expect an answer of this shape (see ``harness.asserts.shapes``); return its value.

        JSON is decoded to its value, CSV to rows of cells. ``accept`` defaults to the content type.
        """
        from botocore.exceptions import ClientError

        try:
            body, kind = self._invoke(endpoint, payload, content_type, accept)
        except ClientError as error:
            self.fail(f"{endpoint} answers", self._explain_error(endpoint, payload, error))
        try:
            value = decode(body, kind)
        except ValueError as error:
            self.fail(f"{endpoint} answers in {kind}", f"{error}\nanswer: {trim(body)}")
        wrong = [f"  {line}" for line in ([] if shape is None else misfits(value, shape))]
        text = f"{endpoint} answers" + ("" if shape is None else " in the right shape")
        evidence = [*wrong[:10], f"request: {trim(payload)}", f"answer: {trim(body)}"]
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
        """Expect every number of the answers to equal that of an offline prediction; return the answers.

        ``rows`` are lines, sent ``batch`` at a time. ``offline`` are the numbers, or a function that returns them for
        all lines.
        """
        requests = ["\n".join(rows[start : start + batch]) for start in range(0, len(rows), batch)]
        bodies = [decode(*self._invoke(endpoint, request, content_type, accept)) for request in requests]
        answers = [number for body in bodies for number in numbers_of(body)]
        expected = offline("\n".join(rows)) if callable(offline) else offline
        self.close(answers, list(map(float, expected)), f"answers of {endpoint} equal offline predictions", tolerance)
        return answers

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
        """Expect percentiles of the latency, in seconds, to be below bounds: ``latency(…, p50=0.02, p95=0.1)``.

        Calls are made one after the other and timed at the caller, so the network counts. ``warm_up`` calls before them
        are not timed. Return the percentiles.
        """
        requested = {name: _percent(name) for name in percentiles}
        for _ in range(warm_up):
            self._invoke(endpoint, payload, content_type, accept)
        took = []
        for _ in range(calls):
            begun = time.perf_counter()
            self._invoke(endpoint, payload, content_type, accept)
            took.append(time.perf_counter() - begun)
        took.sort()
        measured = {name: _percentile(took, percent) for name, percent in {**_USUAL, **requested}.items()}
        summary = ", ".join(f"{name} {value * 1000:.1f} ms" for name, value in measured.items())
        wrong = [f"  {name} is {measured[name]:.4f} s" for name, bound in percentiles.items() if measured[name] > bound]
        slowest = ", ".join(f"{value:.4f}" for value in took[-5:])
        evidence = [*wrong, f"over {calls} calls: {summary}", f"the slowest, in seconds: {slowest}"]
        bounds = ", ".join(f"{name} ≤ {bound:g} s" for name, bound in percentiles.items())
        self.that(not wrong, f"{endpoint} answers in time ({bounds or summary})", "\n".join(evidence))
        return measured

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
        """Expect an error as the answer; return its message.

        ``error`` is the code of the error, ``status`` its HTTP status (for a ModelError, the status of the model's own
        response; any 4xx if None), and ``says`` a regular expression that matches somewhere in the message.
        """
        from botocore.exceptions import ClientError

        text = f"{endpoint} refuses it with {error} {status or '4xx'}"
        try:
            body, _ = self._invoke(endpoint, payload, content_type, accept)
        except ClientError as raised:
            refusal = raised
        else:
            self.fail(text, f"request: {trim(payload)}\nanswer: {trim(body)}")
        response = refusal.response
        actual = response.get("OriginalStatusCode") or response["ResponseMetadata"]["HTTPStatusCode"]
        message = str(response.get("OriginalMessage") or response["Error"].get("Message", ""))
        met = response["Error"]["Code"] == error and (actual == status if status else 400 <= actual < 500)
        met = met and re.search(says, message) is not None
        self.that(met, text, "" if met else self._explain_error(endpoint, payload, refusal))
        return message

    def _invoke(self, endpoint: str, payload: Payload, content_type: str, accept: str) -> tuple[bytes, str]:
        """Invoke the endpoint; return the body of the answer and its content type."""
        answer = self._session.client("sagemaker-runtime").invoke_endpoint(
            EndpointName=endpoint, Body=payload, ContentType=content_type, Accept=accept or content_type
        )
        body: bytes = answer["Body"].read()
        return body, answer.get("ContentType") or accept or content_type

    def _explain_error(self, endpoint: str, payload: Payload, error: Any) -> str:
        from botocore.exceptions import ClientError

        lines = [f"request: {trim(payload)}", f"error: {error}", last_answer("invoke_endpoint", error.response)]
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
    """Return a percentile by the nearest-rank method."""
    return ordered[max(math.ceil(len(ordered) * percent / 100) - 1, 0)]
