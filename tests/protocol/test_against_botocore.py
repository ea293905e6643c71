"""What botocore serialises we parse, and what we serialise botocore parses: any operation, any fitting values."""

from __future__ import annotations

import io
from collections.abc import Mapping
from datetime import datetime, timezone
from functools import cache
from typing import Any
from urllib.parse import parse_qs

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel as BotoServiceModel
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from multidict import CIMultiDict, CIMultiDictProxy

from harness.kernel.errors import ModelError, ValidationException
from harness.protocol import OperationModel, WireRequest, parse, serialise, serialise_error, service_model
from harness.protocol.model import Shape

SERVICES = ("sagemaker", "sagemaker-runtime", "sagemaker-metrics", "sagemaker-featurestore-runtime")
STREAMED = {"InvokeEndpointWithResponseStream"}
"""Its answer is an event stream, which is not a document."""

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
HEADER_TEXT = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=8)
MOMENT = st.integers(0, 4_000_000_000)
slow_data = [HealthCheck.too_slow, HealthCheck.data_too_large]
quick = settings(max_examples=150, deadline=None, suppress_health_check=slow_data)


@cache
def boto_model(service: str) -> BotoServiceModel:
    return BotoServiceModel(Loader().load_service_model(service, "service-2"), service)


def values(shape: Shape, depth: int = 0, text: Any = TEXT) -> Any:
    """Any value of the shape's type; structures get shallow quickly, since some shapes hold themselves."""
    kind = shape.kind
    if kind == "structure":
        return structures(shape, depth)
    if kind == "list":
        return st.lists(values(shape.item, depth + 1), max_size=0 if depth > 4 else 2)
    if kind == "map":
        return st.dictionaries(TEXT, values(shape.value, depth + 1), max_size=0 if depth > 4 else 2)
    return {
        "string": text,
        "integer": st.integers(-(2**31), 2**31 - 1),
        "long": st.integers(-(2**63), 2**63 - 1),
        "float": st.floats(allow_nan=False, allow_infinity=False),
        "double": st.floats(allow_nan=False, allow_infinity=False),
        "boolean": st.booleans(),
        "timestamp": MOMENT,
        "blob": st.binary(max_size=16),
    }[kind]


def structures(shape: Shape, depth: int = 0) -> Any:
    if shape.union:
        return st.sampled_from(sorted(shape.members)).flatmap(
            lambda name: st.fixed_dictionaries({name: located(shape, name, depth)})
        )
    required = {name: located(shape, name, depth) for name in shape.required}
    chance = {name: located(shape, name, depth) for name in shape.members if name not in required and depth < 3}
    return st.fixed_dictionaries(required, optional=chance)


def located(shape: Shape, name: str, depth: int) -> Any:
    member = shape.members[name]
    text = HEADER_TEXT if member.location in ("header", "uri", "querystring") else TEXT
    if member.location == "querystring" and member.shape.kind == "list":
        return st.lists(HEADER_TEXT, min_size=1, max_size=2)
    return values(member.shape, depth + 1, text)


def for_boto(shape: Shape, value: Any) -> Any:
    """The value as a caller of boto3 writes it: datetimes for timestamps."""
    return _with_moments(shape, value, lambda moment: datetime.fromtimestamp(moment, tz=timezone.utc))


def from_boto(shape: Shape, value: Any) -> Any:
    return _with_moments(shape, value, lambda moment: moment.timestamp())


def _with_moments(shape: Shape, value: Any, convert: Any) -> Any:
    if shape.kind == "timestamp":
        return convert(value)
    if shape.kind == "structure":
        return {name: _with_moments(shape.members[name].shape, entry, convert) for name, entry in value.items()}
    if shape.kind == "list":
        return [_with_moments(shape.item, entry, convert) for entry in value]
    if shape.kind == "map":
        return {key: _with_moments(shape.value, entry, convert) for key, entry in value.items()}
    return value


def operations(service: str, *, answering: bool) -> Any:
    model = service_model(service)
    found = [operation for name in model.operation_names if (operation := model.operation(name))]
    chosen = [operation for operation in found if (operation.output if answering else operation.input) is not None]
    return st.sampled_from([operation for operation in chosen if operation.name not in STREAMED or not answering])


def sent_by_boto(operation: OperationModel, params: Mapping[str, Any]) -> WireRequest:
    service = boto_model(operation.service.name)
    serializer = create_serializer(service.protocol, include_validation=False)
    wire = serializer.serialize_to_request(params, service.operation_model(operation.name))
    assert wire["method"] == operation.method
    path, _, query = wire["url_path"].partition("?")
    query_string = wire["query_string"] or {}
    asked = {name: list(entry) if isinstance(entry, list) else [entry] for name, entry in query_string.items()}
    values_in_path = operation.route.match(path)
    assert values_in_path is not None
    body = wire["body"].encode() if isinstance(wire["body"], str) else bytes(wire["body"])
    headers = CIMultiDictProxy(CIMultiDict(wire["headers"]))
    return WireRequest(body, headers, {**parse_qs(query), **asked}, values_in_path)


@pytest.mark.parametrize("service", SERVICES)
@quick
@given(data=st.data())
def test_what_botocore_serialises_is_parsed(service: str, data: st.DataObject) -> None:
    operation = data.draw(operations(service, answering=False))
    shape = operation.input
    params = data.draw(structures(shape))
    parsed = parse(operation, sent_by_boto(operation, for_boto(shape, params)))
    if shape.payload and shape.members[shape.payload].shape.kind == "blob":
        params.setdefault(shape.payload, b"")
    assert parsed == params


@pytest.mark.parametrize("service", SERVICES)
@quick
@given(data=st.data())
def test_what_is_serialised_botocore_parses(service: str, data: st.DataObject) -> None:
    operation = data.draw(operations(service, answering=True))
    shape = operation.output
    answer = data.draw(structures(shape))
    wire = serialise(operation, {**answer, "NotInTheModel": 1})
    received = received_by_boto(operation, wire.status, wire.headers, wire.body)
    received.pop("ResponseMetadata")
    if shape.payload:
        answer.setdefault(shape.payload, b"")
    received = {name: value for name, value in received.items() if name in shape.members}
    if "ContentType" not in answer:
        received.pop("ContentType", None)
    assert from_boto(shape, received) == answer


def received_by_boto(operation: OperationModel, status: int, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    service = boto_model(operation.service.name)
    model = service.operation_model(operation.name)
    streamed = model.has_streaming_output and status < 300
    response = {
        "status_code": status,
        "headers": CIMultiDict(headers),
        "body": io.BytesIO(body) if streamed else body,
    }
    received: dict[str, Any] = create_parser(service.protocol).parse(response, model.output_shape)
    if streamed:
        received["Body"] = received["Body"].read()
    return received


@pytest.mark.parametrize("name", ["DescribeTrainingJob", "CreateModel"])
def test_an_error_of_the_control_plane_is_parsed(name: str) -> None:
    operation = service_model("sagemaker").operation(name)
    wire = serialise_error(operation.service, ValidationException("Could not find it."), "id")
    received = received_by_boto(operation, wire.status, wire.headers, wire.body)
    assert received["Error"] == {"Code": "ValidationException", "Message": "Could not find it."}
    assert received["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_a_modelled_error_carries_its_members_and_status() -> None:
    operation = service_model("sagemaker-runtime").operation("InvokeEndpoint")
    error = ModelError("the container said no", OriginalStatusCode=503, OriginalMessage="no", LogStreamArn="arn")
    wire = serialise_error(operation.service, error, "id")
    received = received_by_boto(operation, wire.status, wire.headers, wire.body)
    assert wire.status == 424
    assert received["Error"] == {"Code": "ModelError", "Message": "the container said no"}
    service = boto_model("sagemaker-runtime")
    response = {"status_code": wire.status, "headers": CIMultiDict(wire.headers), "body": wire.body}
    members = create_parser(service.protocol).parse(response, service.shape_for("ModelError"))
    assert (members["OriginalStatusCode"], members["OriginalMessage"], members["LogStreamArn"]) == (503, "no", "arn")
