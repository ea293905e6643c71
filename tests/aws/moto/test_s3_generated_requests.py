"""No S3 request, however wrong, ends in an error that S3 does not have, or spoils its bucket for the next one."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from xml.etree import ElementTree as ET

import pytest

from tests.aws.moto.generated_requests import BUCKET, Generated, generated_requests
from tests.aws.moto.serving import Served

S3 = "AWS4-HMAC-SHA256 Credential=123456789012/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"
READS = (
    "", "?acl", "?cors", "?encryption", "?lifecycle", "?location", "?logging", "?notification", "?object-lock",
    "?ownershipControls", "?policy", "?policyStatus", "?publicAccessBlock", "?replication", "?tagging", "?uploads",
    "?versioning", "?versions", "?website", "?list-type=2", "?accelerate", "?inventory",
)  # fmt: skip


class Client:
    """A connection that is made anew where the server closed it."""

    def __init__(self, address: str) -> None:
        self._connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=60)

    def send(self, request: Generated) -> tuple[int, bytes]:
        try:
            return self._send(request)
        except (BrokenPipeError, http.client.RemoteDisconnected, ConnectionResetError):
            self._connection.close()
            return self._send(request)

    def _send(self, request: Generated) -> tuple[int, bytes]:
        headers = {"Authorization": S3, **request.headers}
        self._connection.request(request.method, request.target, request.body, headers)
        answer = self._connection.getresponse()
        return answer.status, answer.read()

    def close(self) -> None:
        self._connection.close()


@pytest.fixture
def client(served: Served) -> Iterator[Client]:
    made = Client(served.address)
    yield made
    made.close()


def faults(request: Generated, status: int, body: bytes) -> Iterator[str]:
    """What is wrong with an answer."""
    if status >= 500 and status != 501:
        yield f"{status} {body[:300]!r}"
    if status >= 400 and request.method != "HEAD":
        try:
            root = ET.fromstring(body)
        except ET.ParseError:
            yield f"{status} is no XML: {body[:100]!r}"
            return
        if root.tag != "Error" or not root.findtext("Code"):
            yield f"{status} has no code: {body[:100]!r}"


def fill(client: Client) -> None:
    client.send(Generated("CreateBucket", "PUT", f"/{BUCKET}"))
    client.send(Generated("PutObject", "PUT", f"/{BUCKET}/k", body=b"content"))


def is_fit(client: Client) -> Iterator[str]:
    """Whether the bucket still answers, or says in S3's words why not (it is gone, a policy denies)."""
    for read in READS:
        status, body = client.send(Generated("", "GET", f"/{BUCKET}{read}"))
        if status >= 500 or status == 400:
            yield f"GET {read}: {status} {body[:200]!r}"
    for method in ("PUT", "GET"):
        status, body = client.send(Generated("", method, f"/{BUCKET}/fit", body=b"x" if method == "PUT" else b""))
        if status not in (200, 403, 404):
            yield f"{method}: {status} {body[:200]!r}"


def run(client: Client, seed: int, count: int) -> list[tuple[str, Generated]]:
    found: list[tuple[str, Generated]] = []
    for number, request in enumerate(generated_requests(seed, count)):
        if number % 10 == 0:
            fill(client)
        status, body = client.send(request)
        found += [(fault, request) for fault in faults(request, status, body)]
        if request.method == "PUT" and status < 300:
            found += [(f"afterwards {fault}", request) for fault in is_fit(client)]
    return found


# A form that ends within its file leaves werkzeug's buffer of it to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_generated_requests(client: Client) -> None:
    assert run(client, seed=1, count=250) == []
