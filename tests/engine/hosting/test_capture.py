"""Data capture through boto3, and its buffer by itself: what is written, where, and that it never delays an answer."""

from __future__ import annotations

import json
import logging
import re
import threading
import time
from datetime import datetime, timezone
from typing import Any

import pytest

from harness.contract.capture import CaptureRules, Invocation
from harness.engine.hosting import capture as capture_module
from harness.engine.hosting.capture import Capture
from tests.cloud import BUCKET, Cloud, eventually
from tests.hosting import Hosting

pytestmark = pytest.mark.provenance("documented", source="Developer guide: Capture data from real-time endpoint")


def config(prefix: str, sampling: int = 100, *modes: str) -> dict[str, Any]:
    return {
        "EnableCapture": True,
        "InitialSamplingPercentage": sampling,
        "DestinationS3Uri": f"s3://{BUCKET}/{prefix}",
        "CaptureOptions": [{"CaptureMode": mode} for mode in modes or ("Input", "Output")],
        "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"]},
    }


def records(cloud: Cloud, prefix: str) -> list[dict[str, Any]]:
    found = []
    for key in cloud.keys(prefix):
        found += [json.loads(line) for line in cloud.get(prefix + key).decode().splitlines()]
    return found


def test_both_sides_of_an_invocation_are_captured(hosting: Hosting, cloud: Cloud) -> None:
    here = cloud.name("captured") + "/"
    endpoint = hosting.serve(hosting.variant(hosting.model(ANSWER="sizes"), "blue"), DataCaptureConfig=config(here))
    before = time.time() - 1
    hosting.invoke(endpoint, "1,2,3\n", InferenceId="mine", CustomAttributes="from=test")
    hosting.invoke(endpoint, b"\x00\x01", "application/x-raw")
    with pytest.raises(hosting.runtime.exceptions.ModelError):
        hosting.invoke(endpoint, CustomAttributes="status=400")
    eventually(lambda: len(records(cloud, here)) == 2)
    found = {item["captureData"]["endpointInput"]["encoding"]: item for item in records(cloud, here)}
    text, raw = found["CSV"], found["BASE64"]
    assert text["captureData"]["endpointInput"]["data"] == "1,2,3\n"
    assert text["captureData"]["endpointOutput"] == {
        "observedContentType": "text/csv", "mode": "OUTPUT", "data": "3\n", "encoding": "CSV"
    }  # fmt: skip
    assert text["eventMetadata"]["inferenceId"] == "mine"
    assert text["eventMetadata"]["customAttributes"] == ["from=test"]
    assert raw["captureData"]["endpointInput"]["data"] == "AAE="
    assert "inferenceId" not in raw["eventMetadata"]
    assert text["eventMetadata"]["eventId"] != raw["eventMetadata"]["eventId"]
    [key, *_] = cloud.keys(here)
    place = re.fullmatch(rf"{endpoint}/blue/(\d{{4}}/\d\d/\d\d/\d\d)/\d\d-\d\d-\d{{3}}-[0-9a-f-]{{36}}\.jsonl", key)
    assert place, key
    clock = hosting.now()
    assert place.group(1) == datetime.fromtimestamp(clock, timezone.utc).strftime("%Y/%m/%d/%H") or clock % 3600 < 60
    moment = datetime.fromisoformat(text["eventMetadata"]["inferenceTime"].replace("Z", "+00:00")).timestamp()
    assert before - 1 <= moment - (clock - time.time()) <= time.time() + 1
    hosting.remove(endpoint)


def test_a_share_of_the_invocations_is_captured_whole(hosting: Hosting, cloud: Cloud) -> None:
    here = cloud.name("captured") + "/"
    endpoint = hosting.serve(hosting.variant(hosting.model()), DataCaptureConfig=config(here, 30))
    for number in range(300):
        hosting.invoke(endpoint, str(number))
    hosting.remove(endpoint)  # what waits is written first
    found = records(cloud, here)
    assert 50 <= len(found) <= 130  # 90 of 300; five standard deviations
    for item in found:
        sides = item["captureData"]
        assert sides["endpointInput"]["data"] == sides["endpointOutput"]["data"]


def test_capture_is_switched_by_an_update(hosting: Hosting, cloud: Cloud) -> None:
    here = cloud.name("captured") + "/"
    model = hosting.model()
    endpoint = hosting.serve(hosting.variant(model), DataCaptureConfig=config(here, 100, "Input"))
    hosting.invoke(endpoint, "before")
    off = hosting.config(hosting.variant(model), DataCaptureConfig={**config(here), "EnableCapture": False})
    hosting.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=off)
    assert hosting.settled(endpoint)["DataCaptureConfig"]["CaptureStatus"] == "Stopped"
    hosting.invoke(endpoint, "after")
    hosting.remove(endpoint)
    [only] = records(cloud, here)
    assert list(only["captureData"]) == ["endpointInput"]
    assert only["captureData"]["endpointInput"]["data"] == "before"


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_a_bucket_that_is_not_there_costs_the_records_and_nothing_else(hosting: Hosting) -> None:
    lost = {**config("x"), "DestinationS3Uri": "s3://no-such-bucket/x"}
    endpoint = hosting.serve(hosting.variant(hosting.model()), DataCaptureConfig=lost)
    assert hosting.invoke(endpoint)["Body"] == b"1,2"
    eventually(lambda: "captured records were dropped" in hosting.journal())
    assert hosting.invoke(endpoint)["Body"] == b"1,2"
    hosting.remove(endpoint)


def _rules() -> CaptureRules:
    made = CaptureRules.of(config("p"))
    assert made is not None
    return made


def _event(size: int = 10) -> Invocation:
    return Invocation("e", "v", 0.0, b"x" * size, "text/csv", b"", "text/csv", "", "")


class Store:
    """Writes when it is let."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.free = threading.Event()
        self.busy = threading.Event()

    def write(self, uri: object, data: bytes, content_type: str) -> None:
        self.busy.set()
        assert self.free.wait(20)
        self.written.append(data)


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_a_slow_store_delays_no_invocation() -> None:
    store: Any = Store()
    capture = Capture("e", _rules(), lambda: store)
    capture.take(_event())
    writing = threading.Thread(target=capture.flush)
    writing.start()
    assert store.busy.wait(20)
    begin = time.perf_counter()
    for _ in range(1000):
        capture.take(_event())
    assert time.perf_counter() - begin < 1.0
    store.free.set()
    writing.join()
    capture.flush()
    assert [data.count(b"\n") for data in store.written] == [1, 1000]


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_a_full_buffer_drops_counts_and_tells(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(capture_module, "BUFFER_BYTES", 25)
    store: Any = Store()
    store.free.set()
    capture = Capture("e", _rules(), lambda: store)
    for _ in range(5):
        capture.take(_event())
    assert capture.dropped == 3
    with caplog.at_level(logging.WARNING):
        capture.flush()
    assert "endpoint e: 3 captured records were dropped, 3 in all" in caplog.text
    assert store.written[0].count(b"\n") == 2
    capture.take(_event())  # there is room again
    assert capture.dropped == 3
