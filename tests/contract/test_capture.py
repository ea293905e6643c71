"""Capture rules and records: which sides, how they are encoded, and where they lie."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from harness.contract.capture import CaptureRules, Invocation, capture_key, capture_prefix, format_record

pytestmark = pytest.mark.provenance("documented", source="Developer guide: Capture data from real-time endpoint")


LISTED = {"CsvContentTypes": ["text/csv"], "JsonContentTypes": ["application/json"]}
MOMENT = 1_700_000_448.871  # 2023-11-14T22:20:48.871Z


def rules(*modes: str, **more: Any) -> CaptureRules:
    config = {
        "InitialSamplingPercentage": 20,
        "DestinationS3Uri": "s3://b/some/where",
        "CaptureOptions": [{"CaptureMode": mode} for mode in modes],
        "CaptureContentTypeHeader": LISTED,
        **more,
    }
    made = CaptureRules.of({member: value for member, value in config.items() if value is not None})
    assert made is not None
    return made


def event(body: bytes = b"1,2\n", kind: str = "text/csv", answer: bytes = b"0.5", **more: Any) -> Invocation:
    given = {"answer_type": "text/csv; charset=utf-8", "inference_id": "", "custom_attributes": "", **more}
    return Invocation("the-event", "v", MOMENT, body, kind, answer, **given)


def test_a_record_has_its_members_in_the_services_order() -> None:
    line = format_record(rules("Input", "Output"), event(inference_id="i", custom_attributes="a=1"))
    assert line == (
        '{"captureData":{"endpointInput":{"observedContentType":"text/csv","mode":"INPUT","data":"1,2\\n","encoding":"CSV"},'
        '"endpointOutput":{"observedContentType":"text/csv; charset=utf-8","mode":"OUTPUT","data":"0.5",'
        '"encoding":"CSV"}},'
        '"eventMetadata":{"eventId":"the-event","customAttributes":["a=1"],"inferenceId":"i",'
        '"inferenceTime":"2023-11-14T22:20:48Z"},"eventVersion":"0"}'
    )


def test_what_the_client_did_not_send_is_left_out() -> None:
    found = json.loads(format_record(rules("InputAndOutput"), event()))
    assert list(found["eventMetadata"]) == ["eventId", "inferenceTime"]


@pytest.mark.parametrize(
    ("modes", "sides"),
    [
        (["Input"], ["endpointInput"]),
        (["Output"], ["endpointOutput"]),
        (["Output", "Input"], ["endpointInput", "endpointOutput"]),
        (["InputAndOutput"], ["endpointInput", "endpointOutput"]),
    ],
)
def test_modes_say_which_sides_are_kept(modes: list[str], sides: list[str]) -> None:
    assert list(json.loads(format_record(rules(*modes), event()))["captureData"]) == sides


@pytest.mark.parametrize(
    ("kind", "headers", "encoding"),
    [
        ("text/csv", LISTED, "CSV"),
        ("TEXT/CSV; header=absent", LISTED, "CSV"),
        ("application/json", LISTED, "JSON"),
        ("application/jsonlines", LISTED, "BASE64"),
        ("application/jsonlines", {"JsonContentTypes": ["application/jsonlines"]}, "JSON"),
        ("text/csv", {"CsvContentTypes": ["text/comma"]}, "BASE64"),
        ("application/json", {"CsvContentTypes": ["text/csv"]}, "BASE64"),
        ("", LISTED, "BASE64"),
        ("text/csv", None, "BASE64"),  # the service has no lists of its own
        ("application/json", None, "BASE64"),
    ],
)
def test_the_content_type_says_how_a_side_is_encoded(kind: str, headers: Any, encoding: str) -> None:
    more = {"CaptureContentTypeHeader": headers}
    found = json.loads(format_record(rules("Input", **more), event(b"{}", kind)))["captureData"]["endpointInput"]
    assert found["encoding"] == encoding
    assert found["observedContentType"] == kind
    assert found["data"] == ("e30=" if encoding == "BASE64" else "{}")


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_text_that_is_none_is_kept_as_bytes() -> None:
    found = json.loads(format_record(rules("Input"), event(b"\xff\xfe")))["captureData"]["endpointInput"]
    assert (found["encoding"], base64.b64decode(found["data"])) == ("BASE64", b"\xff\xfe")


def test_objects_lie_by_endpoint_variant_and_hour() -> None:
    made = capture_key(rules("Input"), "e", "v", MOMENT, "uuid")
    assert str(made) == "s3://b/some/where/e/v/2023/11/14/22/20-48-871-uuid.jsonl"
    assert str(made).startswith(str(capture_prefix(rules("Input").destination, "e", "v", MOMENT)) + "/")


@pytest.mark.parametrize("config", [None, {}, {"EnableCapture": False, "CaptureOptions": []}])
def test_no_capture_has_no_rules(config: Any) -> None:
    assert CaptureRules.of(config) is None
