"""Requests to services other than S3 that cannot be read: an error of the service with a status of the client's."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from tests.aws.moto.generated_requests import Generated
from tests.aws.moto.serving import Served
from tests.aws.moto.test_s3_generated_requests import Client

SCOPE = "AWS4-HMAC-SHA256 Credential=123456789012/20260101/us-east-1/{}/aws4_request, SignedHeaders=host, Signature=0"
TARGETS = {
    "logs": "Logs_20140328.PutLogEvents",
    "ecr": "AmazonEC2ContainerRegistry_V20150921.DescribeImages",
    "events": "AWSEvents.PutEvents",
    "monitoring": "GraniteServiceVersion20100801.PutMetricData",
}
LONG = b"1" + b"0" * 400
BODIES = (
    b"{",
    b"[" * 5000,
    b'{"a":' * 50_000,
    b"[" + b"[]," * 250_000 + b"0]",
    b"5",
    b'{"repositoryName": 5, "logGroupName": 5}',
    b'{"Namespace": "N", "MetricData": [{"MetricName": "m", "Timestamp": ' + LONG + b"}]}",
    b'{"logGroupName": "g", "logStreamName": "s", "logEvents": [{"timestamp": ' + LONG + b', "message": "m"}]}',
    b"\xff\xfe",
)


@pytest.mark.parametrize("packed", [False, True])
def test_documents(served: Served, packed: bool) -> None:
    client = Client(served.address)
    for service, target in TARGETS.items():
        for body in BODIES:
            headers = {"Authorization": SCOPE.format(service), "X-Amz-Target": target}
            if packed:
                headers["Content-Encoding"] = "gzip"
            status, document = client.send(Generated("", "POST", "/", headers, gzip.compress(body) if packed else body))
            assert status < 500, (service, body[:40], document)
            if status >= 400:
                assert json.loads(document)["__type"], (service, body[:40], document)
    client.close()


@pytest.mark.parametrize(
    ("service", "body", "headers", "status", "code"),
    [
        ("iam", b"Action=Nope", {}, 400, "InvalidAction"),
        ("monitoring", b"Action=Nope", {}, 400, "InvalidAction"),
        ("monitoring", b"Action=PutMetricData&Namespace=N&MetricData.member.1.Timestamp=" + LONG, {}, 400, ""),
        ("sts", b"x=1&" * 250_000, {}, 413, "RequestEntityTooLarge"),
        ("monitoring", b"Action=ListMetrics", {"Content-Encoding": "gzip"}, 400, "SerializationException"),
        ("monitoring", gzip.compress(b"x" * 20_000_000), {"Content-Encoding": "gzip"}, 413, "RequestEntityTooLarge"),
    ],
)
def test_forms(served: Served, service: str, body: bytes, headers: Any, status: int, code: str) -> None:
    client = Client(served.address)
    form = {"Authorization": SCOPE.format(service), "Content-Type": "application/x-www-form-urlencoded", **headers}
    answered, document = client.send(Generated("", "POST", "/", form, body))
    assert (answered, code.encode() in document) == (status, True), document[:300]
    client.close()
