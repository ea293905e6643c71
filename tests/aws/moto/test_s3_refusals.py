"""Wrong S3 requests, and the errors that S3 has for them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from harness.aws.moto.s3_policies import check_policy, effect_on_everyone
from harness.aws.wire.error_responses import Refusal
from tests.aws.moto.generated_requests import Generated
from tests.aws.moto.serving import Served
from tests.aws.moto.test_s3_generated_requests import Client, fill, is_fit

FORM = "multipart/form-data; boundary=b"
GOOD = b'{"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::bucket/*"}]}'


def part(name: str, text: str, more: str = "") -> bytes:
    return f'--b\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n{text}\r\n'.encode()


FILE = part("file", "x", '; filename="a"')
REFUSED: list[tuple[str, str, dict[str, str], bytes, int, str]] = [
    ("POST", "/bucket/k", {}, b"{}", 405, "MethodNotAllowed"),
    ("POST", "/bucket", {}, b"{}", 412, "PreconditionFailed"),
    ("POST", "/bucket", {"Content-Type": FORM}, b"--b--\r\n", 400, "InvalidArgument"),
    ("POST", "/bucket", {"Content-Type": FORM}, part("key", "k") + b"--b--\r\n", 400, "InvalidArgument"),
    ("POST", "/bucket", {"Content-Type": FORM}, part("key", "k") + part("acl", "x") + FILE + b"--b--", 400,
     "InvalidArgument"),
    ("PROPFIND", "/bucket/k", {}, b"", 405, "MethodNotAllowed"),
    ("GET", "/bucket?max-keys=x", {}, b"", 400, "InvalidArgument"),
    ("GET", "/bucket?max-keys=" + "9" * 5000, {}, b"", 400, "InvalidArgument"),
    ("GET", "/bucket?versions&max-keys=-1", {}, b"", 400, "InvalidArgument"),
    ("GET", "/bucket?list-type=2&max-keys=", {}, b"", 400, "InvalidArgument"),
    ("GET", "/bucket?encoding-type=x", {}, b"", 400, "InvalidArgument"),
    ("GET", "/?max-buckets=x", {}, b"", 400, "InvalidArgument"),
    ("GET", "/bucket/k?partNumber=x", {}, b"", 400, "InvalidArgument"),
    ("GET", "/bucket/k?response-content-type=a%0d%0aB:c", {}, b"", 400, "InvalidArgument"),
    ("GET", "/bucket/%ff", {}, b"", 400, "InvalidURI"),
    ("GET", "/bucket/%zz", {}, b"", 400, "InvalidURI"),
    ("PUT", "/bucket/" + "a" * 1025, {}, b"", 400, "KeyTooLongError"),
    ("PUT", "/bucket?lifecycle", {}, b"", 400, "MissingRequestBodyError"),
    ("PUT", "/bucket?lifecycle", {}, b"<LifecycleConfiguration/>", 400, "MalformedXML"),
    ("PUT", "/bucket?versioning", {}, b"<VersioningConfiguration><Status>On</Status></VersioningConfiguration>", 400,
     "MalformedXML"),
    ("PUT", "/bucket?versioning", {}, b"<!DOCTYPE a><VersioningConfiguration/>", 400, "MalformedXML"),
    ("PUT", "/bucket?tagging", {}, b"x", 400, "MalformedXML"),
    ("PUT", "/bucket?cors", {}, b"<a>" * 100_000, 400, "MalformedXML"),
    ("PUT", "/bucket?acl", {}, b"", 400, "MissingSecurityHeader"),
    ("PUT", "/bucket?acl", {}, b"<AccessControlPolicy><Owner/></AccessControlPolicy>", 400, "MalformedACLError"),
    ("PUT", "/bucket?acl", {"x-amz-acl": "x"}, b"", 400, "InvalidArgument"),
    ("PUT", "/bucket?acl", {"x-amz-grant-read": "x"}, b"", 400, "InvalidArgument"),
    ("PUT", "/bucket?acl", {"x-amz-grant-x": 'id="1"'}, b"", 400, "InvalidArgument"),
    ("PUT", "/bucket?policy", {}, b"x", 400, "MalformedPolicy"),
    ("PUT", "/bucket?policy", {}, b"[" * 5000, 400, "MalformedPolicy"),
    ("PUT", "/bucket/k", {"x-amz-tagging": "a=b&a=c"}, b"x", 400, "InvalidArgument"),
    ("PUT", "/bucket/k", {"x-amz-copy-source": "x"}, b"", 400, "InvalidArgument"),
    ("PUT", "/bucket/k", {"x-amz-object-lock-retain-until-date": "soon"}, b"x", 400, "InvalidArgument"),
    ("POST", "/bucket?delete", {}, b"<Delete>" + b"<Object><Key>k</Key></Object>" * 1001 + b"</Delete>", 400,
     "MalformedXML"),
    ("POST", "/bucket?delete", {"Content-MD5": "x"}, b"<Delete/>", 400, "InvalidDigest"),
]  # fmt: skip


def test_refused(served: Served) -> None:
    client = Client(served.address)
    fill(client)
    for method, target, headers, body, status, code in REFUSED:
        answer = client.send(Generated("", method, target, headers, body))
        said = (answer[0], f"<Code>{code}</Code>".encode() in answer[1])
        assert said == (status, True), (method, target[:60], headers, body[:60], answer)
    assert list(is_fit(client)) == []
    client.close()


def test_what_s3_ignores(served: Served) -> None:
    client = Client(served.address)
    fill(client)
    for header, text in (
        ("Range", "bytes=5-1"), ("Range", "lines=1-2"), ("If-Modified-Since", "soon"), ("If-Unmodified-Since", "²"),
    ):  # fmt: skip
        assert client.send(Generated("", "GET", "/bucket/k", {header: text})) == (200, b"content")
    for document in (b"<BucketLoggingStatus/>", b"<NotificationConfiguration></NotificationConfiguration>"):
        resource = "logging" if b"Logging" in document else "notification"
        assert client.send(Generated("", "PUT", f"/bucket?{resource}", {}, document))[0] == 200
    client.close()


def test_a_form_without_and_with_a_status(served: Served) -> None:
    client = Client(served.address)
    fill(client)
    for given, expected in (("", 204), ("x", 204), ("200", 200), ("201", 201)):
        body = part("key", "by-${filename}") + part("success_action_status", given) + FILE
        status, document = client.send(Generated("", "POST", "/bucket", {"Content-Type": FORM}, body + b"--b--\r\n"))
        assert (status, b"<Key>by-a</Key>" in document) == (expected, expected == 201)
    client.close()


@pytest.mark.parametrize(
    "change",
    [
        {"Effect": "Maybe"}, {"Principal": {}}, {"Principal": "me"}, {"Action": 5}, {"Action": []}, {"Resource": None},
        {"NotAction": "s3:*"}, {"Condition": "x"}, {"Condition": {"Bool": 1}},
    ],
)  # fmt: skip
def test_policies_that_s3_does_not_take(change: dict[str, Any]) -> None:

    policy = json.loads(GOOD)
    check_policy(GOOD)
    policy["Statement"][0].update(change)
    with pytest.raises(Refusal) as refused:
        check_policy(json.dumps(policy).encode())
    assert refused.value.code == "MalformedPolicy"


def test_what_a_policy_says_of_everyone() -> None:
    get, key = "s3:GetObject", "arn:aws:s3:::bucket/k[1"
    assert effect_on_everyone(GOOD, get, key) == "Allow"
    assert effect_on_everyone(GOOD.replace(b"Allow", b"Deny"), get, key) == "Deny"
    assert effect_on_everyone(GOOD.replace(b'"*"', b'{"AWS": "*"}', 1), get, key) == "Allow"
    assert effect_on_everyone(GOOD.replace(b'"*"', b'{"AWS": "arn:aws:iam::1:root"}', 1), get, key) is None
    assert effect_on_everyone(GOOD.replace(b"bucket/*", b"other/[(*"), get, key) is None
    conditional = GOOD.replace(b'"Effect": "Allow"', b'"Effect": "Deny", "Condition": {"Bool": {"a": "false"}}')
    assert effect_on_everyone(conditional, get, key) is None
    assert effect_on_everyone(b"x", get, key) is None
