from __future__ import annotations

import json
from typing import Any

import pytest

from harness.protocol import MalformedRequest, WireRequest, parse, service_model


def parsed(name: str, document: Any) -> dict[str, Any]:
    operation = service_model("sagemaker").operation(name)
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return parse(operation, WireRequest(body, {}, {}, {}))


def test_a_timestamp_becomes_seconds_since_the_epoch_however_it_was_written() -> None:
    for written in (1700000000, 1700000000.0, "2023-11-14T22:13:20Z", "2023-11-14T22:13:20+00:00", "1700000000"):
        assert parsed("ListTrainingJobs", {"CreationTimeAfter": written}) == {"CreationTimeAfter": 1700000000.0}


def test_members_that_the_model_does_not_know_are_dropped() -> None:
    request = {"TrainingJobName": "a", "FromTheFuture": {"x": 1}}
    assert parsed("DescribeTrainingJob", request) == {"TrainingJobName": "a"}


def test_a_null_member_is_an_absent_one() -> None:
    assert parsed("DescribeTrainingJob", {"TrainingJobName": None}) == {}


def test_an_empty_body_is_an_empty_request() -> None:
    assert parsed("ListTrainingJobs", b"") == {}


@pytest.mark.parametrize(
    ("operation", "document", "told"),
    [
        ("DescribeTrainingJob", {"TrainingJobName": 1}, "TrainingJobName: 1 can not be converted to a String"),
        ("ListTrainingJobs", {"MaxResults": "10"}, 'MaxResults: "10" can not be converted to an Integer'),
        ("ListTrainingJobs", {"MaxResults": True}, "can not be converted to an Integer"),
        ("ListTrainingJobs", {"CreationTimeAfter": "noon"}, "can not be converted to a timestamp"),
        ("AddTags", {"Tags": [{"Key": "a"}, {"Key": {}}]}, "Tags.2.Key: {} can not be converted to a String"),
        ("AddTags", {"Tags": {}}, "Tags: {} can not be converted to a list"),
        ("AddTags", [], "The request: [] can not be converted to a structure"),
        ("AddTags", b"{", "not valid JSON"),
    ],
)
def test_a_value_of_the_wrong_type_is_refused_where_it_stands(operation: str, document: Any, told: str) -> None:
    with pytest.raises(MalformedRequest) as refusal:
        parsed(operation, document)
    assert told in refusal.value.message
    assert (refusal.value.code, refusal.value.status) == ("SerializationException", 400)


def test_a_whole_float_is_an_integer() -> None:
    assert parsed("ListTrainingJobs", {"MaxResults": 10.0}) == {"MaxResults": 10}


def test_an_invocation_is_its_path_its_headers_and_its_raw_body() -> None:
    model = service_model("sagemaker-runtime")
    operation, values = model.route("POST", "/endpoints/my-end%20point/invocations")
    headers = {"Content-Type": "text/csv", "X-Amzn-SageMaker-Target-Variant": "A", "Host": "x"}
    assert parse(operation, WireRequest(b"\x00\xff", headers, {}, values)) == {
        "EndpointName": "my-end point",
        "Body": b"\x00\xff",
        "ContentType": "text/csv",
        "TargetVariant": "A",
    }


def test_numbers_in_headers_must_be_numbers() -> None:
    operation = service_model("sagemaker-runtime").operation("InvokeEndpointAsync")
    headers = {"X-Amzn-SageMaker-RequestTTLSeconds": "soon"}
    with pytest.raises(MalformedRequest, match="RequestTTLSeconds: 'soon' can not be converted to an Integer"):
        parse(operation, WireRequest(b"", headers, {}, {"EndpointName": "e"}))


@pytest.mark.parametrize("path", ["/endpoints/a", "/endpoints/a/b/invocations", "/endpoints//invocations"])
def test_other_paths_are_no_operation(path: str) -> None:
    assert service_model("sagemaker-runtime").route("POST", path) is None
