"""InvokeEndpoint through boto3 and on raw HTTP: headers, errors, limits, time-outs, clients that go away, metrics."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from tests.cloud import Cloud, eventually
from tests.hosting import Hosting, archive

pytestmark = pytest.mark.provenance("documented", source="API reference: InvokeEndpoint")


LIMIT = 6 * 1024 * 1024
SIGNED = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sagemaker/aws4_request, SignedHeaders=host, Signature=0"


@pytest.fixture(scope="module")
def facts(hosting: Hosting) -> Iterator[str]:
    """An endpoint that says what it was asked."""
    endpoint = hosting.serve(hosting.variant(hosting.model(ANSWER="facts", COLOUR="blue")))
    yield endpoint
    hosting.remove(endpoint)


@pytest.fixture(scope="module")
def echo(hosting: Hosting) -> Iterator[str]:
    endpoint = hosting.serve(hosting.variant(hosting.model()))
    yield endpoint
    hosting.remove(endpoint)


def refused(hosting: Hosting, endpoint: str, **more: Any) -> dict[str, Any]:
    with pytest.raises(hosting.runtime.exceptions.ModelError) as raised:
        hosting.invoke(endpoint, **more)
    return raised.value.response  # type: ignore[no-any-return]


@pytest.mark.provenance("documented", source="Developer guide: Use your own inference code with hosting services")
def test_the_server_gets_the_documented_headers_and_no_others(hosting: Hosting, facts: str) -> None:
    more = {"CustomAttributes": "trace=7", "InferenceId": "id-1", "TargetVariant": "AllTraffic"}
    answer = hosting.invoke(facts, "5", Accept="text/plain", **more)
    headers = json.loads(answer["Body"])["headers"]
    headers.pop("Host")
    assert headers == {
        "Content-Type": "text/csv",
        "Content-Length": "1",
        "Accept": "text/plain",
        "X-Amzn-SageMaker-Custom-Attributes": "trace=7",
        "X-Amzn-SageMaker-Inference-Id": "id-1",
        "X-Amzn-SageMaker-Target-Variant": "AllTraffic",
    }
    assert answer["ContentType"] == "text/csv"
    assert answer["CustomAttributes"] == "seen: trace=7"
    assert answer["InvokedProductionVariant"] == "AllTraffic"


@pytest.mark.provenance("documented", source="API reference: ContainerDefinition")
def test_the_server_gets_its_environment(hosting: Hosting, facts: str) -> None:
    told = hosting.facts(facts)["env"]
    assert told["COLOUR"] == "blue"
    assert told["HOME"] == "/harness/home"
    assert not {"SAGEMAKER_BATCH", "SAGEMAKER_MAX_PAYLOAD_IN_MB", "PYTHONPATH", "VIRTUAL_ENV"} & told.keys()


def test_a_body_comes_back_byte_for_byte(hosting: Hosting, echo: str) -> None:
    body = bytes(range(256)) * 4000
    answer = hosting.invoke(echo, body, "application/x-anything")
    assert (answer["Body"], answer["ContentType"]) == (body, "application/x-anything")
    assert hosting.invoke(echo, b"")["Body"] == b""


@pytest.mark.parametrize(("status", "side"), [(400, "client"), (415, "client"), (500, "server"), (503, "server")])
def test_a_model_error_carries_what_the_container_said(hosting: Hosting, echo: str, status: int, side: str) -> None:
    told = refused(hosting, echo, CustomAttributes=f"status={status}")
    assert told["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert told["OriginalStatusCode"] == status
    assert told["OriginalMessage"] == f"told to answer {status}"
    assert told["LogStreamArn"] == f"arn:aws:logs:us-east-1:123456789012:log-group:/aws/sagemaker/Endpoints/{echo}"
    beginning = f'Received {side} error ({status}) from primary with message "told to answer {status}". See https://'
    assert told["Error"]["Message"].startswith(beginning)
    assert told["Error"]["Message"].endswith("in account 123456789012 for more information.")


@pytest.mark.provenance("documented", source="source code: aws/sagemaker-xgboost-container")
def test_xgboost_refuses_a_wrong_content_type(hosting: Hosting, cloud: Cloud) -> None:
    import xgboost

    booster = xgboost.train({}, xgboost.DMatrix([[0.0], [1.0]], label=[0, 1]), 1)
    uri = cloud.put("small/model.tar.gz", archive({"xgboost-model": bytes(booster.save_raw("ubj"))}))
    from tests.cloud import XGBOOST

    endpoint = hosting.serve(hosting.variant(hosting.model(uri, image=XGBOOST)))
    predicted = float(booster.predict(xgboost.DMatrix([[1.0]]))[0])
    assert float(hosting.invoke(endpoint, "1.0")["Body"]) == pytest.approx(predicted)
    told = refused(hosting, endpoint, kind="text/nonsense")
    assert told["OriginalStatusCode"] == 415
    assert "text/nonsense" in told["OriginalMessage"]
    hosting.remove(endpoint)


def test_a_body_over_the_limit_is_refused_before_the_model_sees_it(hosting: Hosting, echo: str) -> None:
    assert len(hosting.invoke(echo, b"x" * LIMIT)["Body"]) == LIMIT
    with pytest.raises(ClientError) as raised:
        hosting.invoke(echo, b"x" * (LIMIT + 1))
    assert raised.value.response["Error"]["Code"] == "ValidationError"
    assert str(LIMIT) in str(raised.value)


def test_an_answer_over_the_limit_is_a_model_error(hosting: Hosting, echo: str) -> None:
    assert f"over the limit of {LIMIT} bytes" in refused(hosting, echo, CustomAttributes="huge")["OriginalMessage"]
    assert (
        "headers of the answer have more than" in refused(hosting, echo, CustomAttributes="headers")["OriginalMessage"]
    )
    assert hosting.invoke(echo)["Body"] == b"1,2"


def test_a_server_that_takes_too_long_times_out(hosting: Hosting, echo: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.engine.hosting.invocations.TIMEOUT", 0.3)
    told = refused(hosting, echo, CustomAttributes="sleep=5")
    assert told["OriginalStatusCode"] == 0
    beginning = 'Received server error (0) from primary with message "Your invocation timed out while waiting for a '
    assert told["Error"]["Message"].startswith(beginning)
    assert hosting.invoke(echo)["Body"] == b"1,2"


def test_a_server_that_hangs_up_is_a_model_error(hosting: Hosting, echo: str) -> None:
    told = refused(hosting, echo, CustomAttributes="hang-up")
    assert told["OriginalStatusCode"] == 0
    assert "connection to container primary was lost" in told["OriginalMessage"]
    assert hosting.invoke(echo)["Body"] == b"1,2"


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_clients_that_go_away_leave_a_working_endpoint(hosting: Hosting, echo: str) -> None:
    place = urlsplit(hosting.cloud.address)
    for attribute in ("sleep=0.3", "sleep=0.3", ""):
        with socket.create_connection((place.hostname or "", place.port or 0)) as client:
            head = f"POST /endpoints/{echo}/invocations HTTP/1.1\r\nHost: h\r\nAuthorization: {SIGNED}\r\n"
            told = f"X-Amzn-SageMaker-Custom-Attributes: {attribute}\r\n" if attribute else ""
            # The last of them goes away in the middle of its own request.
            client.sendall(f"{head}{told}Content-Length: {1 if attribute else 9}\r\n\r\n7".encode())
    bodies = {str(number): b"" for number in range(16)}

    def ask(number: str) -> None:
        bodies[number] = hosting.invoke(echo, number)["Body"]

    askers = [threading.Thread(target=ask, args=(number,)) for number in bodies]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert {number: body.decode() for number, body in bodies.items()} == {number: number for number in bodies}


def test_on_raw_http_the_documented_headers_come_back(hosting: Hosting, echo: str) -> None:
    place = urlsplit(hosting.cloud.address)
    connection = http.client.HTTPConnection(place.hostname or "", place.port)
    try:
        connection.request("POST", f"/endpoints/{echo}/invocations", b"1", {"Authorization": SIGNED})
        answer = connection.getresponse()
        assert answer.read() == b"1"
        assert answer.getheader("x-Amzn-Invoked-Production-Variant") == "AllTraffic"
        assert answer.getheader("Content-Type") == "application/octet-stream"
        assert answer.getheader("x-amzn-RequestId")
    finally:
        connection.close()


@pytest.mark.provenance("assumed", source="harness's own behaviour")
@pytest.mark.parametrize(
    "asked", [{"TargetModel": "a.tar.gz"}, {"TargetContainerHostname": "c"}, {"InferenceComponentName": "i"}]
)
def test_what_is_not_supported_is_refused(hosting: Hosting, echo: str, asked: dict[str, str]) -> None:
    with pytest.raises(ClientError, match="not supported by harness"):
        hosting.invoke(echo, **asked)


@pytest.mark.provenance("assumed", source="no named source: reports of users")
def test_an_unknown_endpoint_is_named(hosting: Hosting) -> None:
    with pytest.raises(ClientError) as raised:
        hosting.invoke("none")
    told = raised.value.response["Error"]
    assert (told["Code"], told["Message"]) == ("ValidationError", "Endpoint none of account 123456789012 not found.")


@pytest.mark.provenance("documented", source="Developer guide: Monitor Amazon SageMaker with Amazon CloudWatch")
def test_invocations_are_counted_in_cloudwatch(hosting: Hosting, cloud: Cloud) -> None:
    endpoint = hosting.serve(hosting.variant(hosting.model(), "v", count=2))
    for _ in range(3):
        hosting.invoke(endpoint)
    refused(hosting, endpoint, CustomAttributes="status=400")
    refused(hosting, endpoint, CustomAttributes="status=500")
    dimensions = [{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": "v"}]

    def total(name: str, statistic: str = "Sum") -> float:
        points = cloud.cloudwatch.get_metric_statistics(
            Namespace="AWS/SageMaker", MetricName=name, Dimensions=dimensions, Period=86400 * 2,
            StartTime="2020-01-01", EndTime="2100-01-01", Statistics=[statistic],
        )["Datapoints"]  # fmt: skip
        return float(sum(point[statistic] for point in points))

    eventually(lambda: total("Invocations") == 5)
    assert total("Invocation4XXErrors") == 1
    assert total("Invocation5XXErrors") == 1
    assert total("InvocationModelErrors") == 2
    assert total("InvocationsPerInstance") == 2.5
    assert 0 < total("ModelLatency", "Maximum") < 5e6
    assert total("OverheadLatency", "SampleCount") == 5
    assert 0 < total("OverheadLatency", "Maximum") < 1e6
    hosting.remove(endpoint)


@pytest.mark.provenance("documented", source="API reference: ProductionVariantRoutingConfig")
def test_the_least_busy_instance_answers_where_that_is_wanted(hosting: Hosting) -> None:
    variant = {
        **hosting.variant(hosting.model(), count=2),
        "RoutingConfig": {"RoutingStrategy": "LEAST_OUTSTANDING_REQUESTS"},
    }
    endpoint = hosting.serve(variant)
    busy = threading.Thread(target=hosting.invoke, args=(endpoint,), kwargs={"CustomAttributes": "sleep=1"})
    busy.start()
    group = f"/aws/sagemaker/Endpoints/{endpoint}"

    def calls() -> dict[str, int]:
        events = hosting.cloud.logs.filter_log_events(logGroupName=group, filterPattern="POST")["events"]
        streams = [event["logStreamName"] for event in events]
        return {stream: streams.count(stream) for stream in streams}

    eventually(calls)
    for _ in range(10):
        hosting.invoke(endpoint)
    busy.join()
    assert sorted(eventually(lambda: found if sum((found := calls()).values()) == 11 else None).values()) == [1, 10]
    hosting.remove(endpoint)
