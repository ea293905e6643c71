"""Which service, account and region a request is for."""

from __future__ import annotations

import http.client
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError


def ask(served: Any, method: str, target: str, headers: dict[str, str] | None = None, body: bytes = b"") -> Any:
    connection = http.client.HTTPConnection(served.address.removeprefix("http://"), timeout=20)
    connection.request(method, target, body, headers or {})
    response = connection.getresponse()
    answered = response.read()
    connection.close()
    return response, answered


PRESIGNED = "/bucket/key?X-Amz-Credential=test%2F20260101%2Feu-west-1%2Fs3%2Faws4_request&X-Amz-Signature=0"


def signed(service: str, key: str = "test", region: str = "us-east-1") -> dict[str, str]:
    credential = f"{key}/20260101/{region}/{service}/aws4_request"
    return {"Authorization": f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0"}


@pytest.mark.parametrize(
    ("headers", "method", "target", "body", "service"),
    [
        (signed("s3"), "PUT", "/endpoints/e/invocations", b"", "s3"),
        (signed("sts"), "POST", "/", b"Action=GetCallerIdentity&Version=2011-06-15", "sts"),
        ({**signed("logs"), "X-Amz-Target": "Logs_20140328.DescribeLogGroups"}, "POST", "/", b"{}", "logs"),
        ({}, "GET", PRESIGNED, b"", "s3"),
        ({}, "GET", "/bucket/key?AWSAccessKeyId=test&Signature=0", b"", "s3"),
        ({"Authorization": "AWS test:signature"}, "GET", "/bucket/key", b"", "s3"),
        ({}, "GET", "/?Action=AssumeRoleWithWebIdentity&Version=2011-06-15", b"", "sts"),
        (
            {"Content-Type": "application/x-www-form-urlencoded"},
            "POST",
            "/",
            b"Version=2011-06-15&Action=AssumeRoleWithWebIdentity",
            "sts",
        ),
    ],
)
def test_requests_reach_the_service_they_are_for(
    served: Any, headers: dict[str, str], method: str, target: str, body: bytes, service: str
) -> None:
    response, _ = ask(served, method, target, headers, body)
    assert response.status == 200
    assert served.backend.seen[-1].service == service
    assert served.backend.seen[-1].target == target
    assert served.backend.received == len(body)


@pytest.mark.parametrize(
    ("key", "account"),
    [("test", "123456789012"), ("111111111111", "111111111111"), ("ASIAOFANOTHER", "222222222222")],
)
def test_the_account_is_that_of_the_access_key(served: Any, key: str, account: str) -> None:
    ask(served, "GET", "/bucket", signed("s3", key, "eu-west-1"))
    assert served.backend.seen[-1][3:] == (account, "eu-west-1")


def test_scopes_reach_the_operation(served: Any) -> None:
    def list_models(scope: Any, request: dict[str, Any]) -> dict[str, Any]:
        agent = scope.caller["user_agent"]
        assert "Boto3" in agent
        return {"Models": [{"ModelName": "m", "ModelArn": scope.arn("model", "m"), "CreationTime": 1.0}]}

    served.operations["sagemaker", "ListModels"] = list_models
    answer = served.client("sagemaker", access_key="111111111111", region="eu-west-1").list_models()
    assert answer["Models"][0]["ModelArn"] == "arn:aws:sagemaker:eu-west-1:111111111111:model/m"


def test_a_paths_percent_encoding_stays_as_it_was(served: Any) -> None:
    served.client("s3").put_object(Bucket="b", Key="a b/ü+%2F//x", Body=b"x")
    assert served.backend.seen[-1].target == "/b/a%20b/%C3%BC%2B%252F//x"


def test_an_invocation_is_known_by_its_path(served: Any) -> None:
    async def invoke_endpoint(scope: Any, request: dict[str, Any]) -> dict[str, Any]:
        return {"Body": json.dumps([scope.account, request["EndpointName"]]).encode()}

    served.operations["sagemaker-runtime", "InvokeEndpoint"] = invoke_endpoint
    _, answered = ask(served, "POST", "/endpoints/e/invocations", signed("sagemaker"), b"1,2")
    assert json.loads(answered) == ["123456789012", "e"]


def test_a_target_that_nobody_serves_is_no_object_of_s3(served: Any) -> None:
    response, answered = ask(
        served, "POST", "/", {**signed("dynamodb"), "X-Amz-Target": "DynamoDB_20120810.ListTables"}, b"{}"
    )
    assert response.status == 501
    assert json.loads(answered)["__type"] == "UnsupportedOperationException"
    assert served.backend.seen == []


def test_an_operation_that_no_model_knows(served: Any) -> None:
    response, answered = ask(served, "POST", "/", {**signed("sagemaker"), "X-Amz-Target": "SageMaker.Dream"}, b"{}")
    assert response.status == 400
    assert json.loads(answered)["__type"] == "UnknownOperationException"
    assert "Dream" in json.loads(answered)["message"]


def test_a_sagemaker_path_that_no_model_knows(served: Any) -> None:
    response, answered = ask(served, "GET", "/nothing", signed("sagemaker"))
    assert response.status == 400
    assert json.loads(answered)["message"] == "No operation of a SageMaker service is at GET /nothing."


def test_a_sagemaker_service_of_which_nothing_is_served(served: Any) -> None:
    response, answered = ask(served, "POST", "/SendHeartbeat", signed("sagemaker"), b"{}")
    assert response.status == 501
    assert response.headers["x-amzn-ErrorType"].startswith("UnsupportedOperation")
    assert b"harness does not support SendHeartbeat" in answered


def test_a_service_nobody_serves_is_refused_in_its_own_form(served: Any) -> None:
    with pytest.raises(ClientError, match="harness does not serve dynamodb"):
        served.client("dynamodb").list_tables()
    with pytest.raises(ClientError, match="harness does not serve sns"):
        served.client("sns").list_topics()
