"""Expectations on endpoints and what they captured, on a real server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from harness.asserts import ExpectationFailed, Expectations
from tests.asserts.told import Told
from tests.cloud import BUCKET, Cloud
from tests.hosting import Hosting


def capture(name: str) -> dict[str, object]:
    return {
        "EnableCapture": True,
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": f"s3://{BUCKET}/{name}",
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"]},
    }


@pytest.fixture(scope="module")
def endpoint(hosting: Hosting) -> Iterator[str]:
    """Answers each row with its number of cells; refuses what has a word in it."""
    model = hosting.model(ANSWER="sizes", REFUSE="word")
    name = hosting.begin(hosting.variant(model), DataCaptureConfig=capture("captured"))
    yield name
    hosting.remove(name)


def test_its_start_is_waited_for(endpoint: str, expects: Expectations) -> None:
    assert expects.in_service(endpoint)["EndpointStatus"] == "InService"


def test_one_that_fails_is_told_at_once_with_its_log(hosting: Hosting, expects: Expectations) -> None:
    name = hosting.begin(hosting.variant(hosting.model(PING="exit")))
    with pytest.raises(ExpectationFailed, match=r"found Failed: [\s\S]*  \| the server gives up[\s\S]*harness logs"):
        expects.in_service(name)
    hosting.remove(name)


def test_one_deleted_by_hand_meanwhile_is_told(
    hosting: Hosting, expects: Expectations, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = hosting.serve(hosting.variant(hosting.model()))
    ask = expects._describe

    def not_yet_in_service(kind: str, asked: str) -> dict[str, Any]:
        described = {**ask(kind, asked), "EndpointStatus": "Updating"}
        hosting.remove(name)
        return described

    monkeypatch.setattr(expects, "_describe", not_yet_in_service)
    with pytest.raises(ExpectationFailed) as told:
        expects.in_service(name)
    for text in (f"Endpoint {name} is there", "Could not find endpoint", "its description before", '"Updating"'):
        assert text in str(told.value)


def test_answers_have_a_shape(endpoint: str, expects: Expectations) -> None:
    expects.in_service(endpoint)
    assert expects.answers(endpoint, "1,2\n3\n", [[(1, 2)]]) == [[2.0], [1.0]]
    with pytest.raises(ExpectationFailed, match=r"answer has 2 elements, not 3\nrequest: '1,2\\n3'\nanswer: '2"):
        expects.answers(endpoint, "1,2\n3", [[float], [float], [float]])
    with pytest.raises(ExpectationFailed, match=r"error:[\s\S]*\"ModelError\"[\s\S]*InService[\s\S]*  \| (GET|POST)"):
        expects.answers(endpoint, "a word")
    with pytest.raises(ExpectationFailed, match=r"nowhere answers\n.*request"):
        expects.answers("nowhere", "1")


def test_its_log_is_searched(endpoint: str, expects: Expectations) -> None:
    expects.in_service(endpoint)
    assert "ping" in expects.logged("Endpoint", endpoint, "GET /ping")
    expects.never_logged("Endpoint", endpoint, "Traceback")


def test_values_are_those_of_an_offline_prediction(endpoint: str, expects: Expectations) -> None:
    expects.in_service(endpoint)
    rows = ["1,2", "1", "1,2,3"] * 7
    assert expects.same_as_offline(endpoint, rows, [2, 1, 3] * 7, batch=4) == [2.0, 1.0, 3.0] * 7
    expects.same_as_offline(endpoint, rows, lambda text: [line.count(",") + 1 for line in text.splitlines()])
    with pytest.raises(ExpectationFailed, match=r"7 differ; the first:\n  1: expected 5, found 1.0|expected 5.0"):
        expects.same_as_offline(endpoint, rows, [2, 5, 3] * 7)


def test_latency_has_percentiles(endpoint: str, expects: Expectations, session: Told) -> None:
    expects.in_service(endpoint)
    found = expects.latency(endpoint, "1,2", calls=10, p50=20, p90=20)
    assert 0 < found["p50"] <= found["p90"] <= found["p95"] < 20
    assert "p50 ≤ 20 s, p90 ≤ 20 s" in session.told[-1][0]
    with pytest.raises(ExpectationFailed, match=r"  p50 is 0.\d+ s\nover 3 calls: p50 [\s\S]*the slowest, in seconds"):
        expects.latency(endpoint, "1,2", calls=3, p50=0.000001)
    with pytest.raises(TypeError, match="'fast' is no percentile"):
        expects.latency(endpoint, "1,2", fast=1.0)


def test_errors_may_be_what_is_expected(endpoint: str, expects: Expectations) -> None:
    expects.in_service(endpoint)
    assert "not this" in expects.refuses(endpoint, "a word", status=400, says="refused")
    expects.refuses("nowhere", "1", error="ValidationError")
    with pytest.raises(ExpectationFailed, match=r"with ModelError 4xx\nrequest: '1'\nanswer: '1"):
        expects.refuses(endpoint, "1")
    for wrong in ({"status": 415}, {"error": "ServiceUnavailable"}, {"says": "because"}):
        with pytest.raises(ExpectationFailed, match="error: An error occurred"):
            expects.refuses(endpoint, "a word", **wrong)  # type: ignore[arg-type]


def test_every_request_is_captured_once(hosting: Hosting, cloud: Cloud, expects: Expectations) -> None:
    destination = cloud.name("own")
    name = hosting.serve(hosting.variant(hosting.model(ANSWER="sizes")), DataCaptureConfig=capture(destination))
    sent, prefix = ["1,2", "3", "3"], f"s3://{BUCKET}/{destination}"
    answers = [hosting.invoke(name, body)["Body"] for body in sent]
    records = expects.captured(prefix, requests=sent, answers=answers)
    assert len(records) == 3
    expects.captured(prefix, 3)
    with pytest.raises(ExpectationFailed, match=r"missing: '1,5'\n  not sent: '1,2'"):
        expects.captured(prefix, requests=["1,5", "3", "3"])
    with pytest.raises(ExpectationFailed, match=rf"2 requests are captured\nfound 3\nthere are:\n  {prefix}"):
        expects.captured(prefix, 2)
    with pytest.raises(ExpectationFailed, match="4 requests are captured\nfound 3"):
        expects.captured(prefix, 4, seconds=0.2)
    (written,) = {key for key in cloud.keys(destination) if key.endswith(".jsonl")} or {""}
    cloud.put(f"{destination}/again.jsonl", cloud.get(f"{destination}{written}"))
    with pytest.raises(ExpectationFailed, match=r"captured once\n  [\w-]+: 2 times"):
        expects.captured(prefix)
    hosting.remove(name)
