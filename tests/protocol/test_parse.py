from __future__ import annotations

import json
from typing import Any

import pytest

from harness.protocol import MalformedRequest, WireRequest, parse, service_model, validate


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
        ("AddTags", b"[" * 100_000, "nested too deeply"),
        ("AddTags", b'{"Tags":' * 500 + b"1" + b"}" * 500, "can not be converted to a list"),
        ("ListModels", b'{"NameContains": "\\ud800"}', "not valid Unicode"),
        ("CreateModel", b'{"PrimaryContainer": {"Environment": {"\\ud800": "x"}}}', "not valid Unicode"),
        ("ListModels", b'{"CreationTimeAfter": 1' + b"0" * 400 + b"}", "CreationTimeAfter: 1000"),
        ("ListModels", b'{"CreationTimeAfter": 1' + b"0" * 5000 + b"}", "not valid JSON"),
        ("ListModels", {"CreationTimeAfter": 1e17}, "can not be converted to a timestamp"),
        ("ListModels", {"CreationTimeAfter": "NaN"}, "can not be converted to a timestamp"),
        ("ListModels", {"CreationTimeAfter": "9" * 400}, "can not be converted to a timestamp"),
        ("ListModels", b'{"CreationTimeAfter": 1e400}', "can not be converted to a timestamp"),
        ("ListModels", b'{"CreationTimeAfter": NaN}', "NaN is not a JSON number"),
        ("ListModels", {"MaxResults": 2**31}, "can not be converted to an Integer"),
        ("ListModels", {"MaxResults": 1e300}, "can not be converted to an Integer"),
    ],
)
def test_a_value_of_the_wrong_type_is_refused_where_it_stands(operation: str, document: Any, told: str) -> None:
    with pytest.raises(MalformedRequest) as refusal:
        parsed(operation, document)
    assert told in refusal.value.message
    assert (refusal.value.code, refusal.value.status) == ("SerializationException", 400)


def test_recursive_members_are_read_to_a_depth_that_the_stack_takes() -> None:
    def nested(levels: int) -> Any:
        inside: Any = {"Filters": [{"Name": "x"}]}
        for _ in range(levels):
            inside = {"SubExpressions": [inside]}
        return {"Resource": "TrainingJob", "SearchExpression": inside}

    request = parsed("Search", nested(50))
    validate(service_model("sagemaker").operation("Search"), request)
    with pytest.raises(MalformedRequest, match="nested too deeply"):
        parsed("Search", nested(300))


def test_a_wrong_value_is_shown_by_its_beginning() -> None:
    for value in ([[0] * 1_000_000], {"a": "x" * 1_000_000}, "x" * 1_000_000):
        with pytest.raises(MalformedRequest) as refusal:
            parsed("ListModels", {"MaxResults": value})
        assert len(refusal.value.message) < 200


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
