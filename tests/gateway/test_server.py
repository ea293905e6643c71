"""HTTP as clients speak it: streams, files, limits, and clients that go away."""

from __future__ import annotations

import gzip
import http.client
import resource
import socket
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError
from multidict import CIMultiDict

from harness.gateway import body as bodies
from harness.kernel.http import FileBody, Request, Response

MB = 1024 * 1024
S3 = "AWS4-HMAC-SHA256 Credential=t/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"


def connect(served: Any) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(served.address.removeprefix("http://"), timeout=30)


def ask(connection: http.client.HTTPConnection, method: str, target: str, body: Any = None, **headers: str) -> Any:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    connection.request(method, target, body, {"Authorization": S3, **named})
    response = connection.getresponse()
    return response, response.read()


def until(condition: Any) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_connection_is_kept_for_many_requests(served: Any) -> None:
    connection = connect(served)
    for number in range(3):
        response, _ = ask(connection, "PUT", f"/b/{number}", b"x" * number)
        assert response.status == 200
        assert response.headers["x-amzn-RequestId"]
        assert response.headers["Server"] == "harness"
    connection.close()
    assert [seen.target for seen in served.backend.seen] == ["/b/0", "/b/1", "/b/2"]


def test_connections_leave_file_descriptors_for_the_rest(served: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (6, 6))  # half of them are for connections
    at = urlsplit(served.address)
    idle = [socket.create_connection((at.hostname, at.port), timeout=30) for _ in range(3)]

    def is_served() -> bool:
        connection = connect(served)
        try:
            return bool(ask(connection, "GET", "/b/k")[0].status == 200)
        except (ConnectionError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    until(lambda: not is_served())
    for each in idle:
        each.close()
    until(is_served)


def test_a_large_upload_is_streamed(served: Any) -> None:
    chunks = (b"x" * MB for _ in range(40))
    connection = connect(served)
    response, _ = ask(connection, "PUT", "/b/large", chunks, Content_Length=str(40 * MB))
    connection.close()
    assert response.status == 200
    assert served.backend.received == 40 * MB


def test_an_upload_in_chunks_arrives_whole(served: Any) -> None:
    connection = connect(served)
    response, _ = ask(connection, "PUT", "/b/chunked", iter([b"a" * 10, b"b" * 20]))
    connection.close()
    assert response.status == 200
    assert served.backend.received == 30


def test_an_encoded_upload_is_not_decoded(served: Any) -> None:
    packed = gzip.compress(b"x" * 100_000)
    connection = connect(served)
    ask(connection, "PUT", "/b/packed", packed, Content_Encoding="gzip")
    connection.close()
    assert served.backend.received == len(packed)


def test_a_client_that_asks_for_leave_to_send_gets_it_at_once(served: Any) -> None:
    url = urlsplit(served.address)
    with socket.create_connection((url.hostname, url.port), timeout=10) as connection:
        head = f"PUT /b/k HTTP/1.1\r\nHost: x\r\nAuthorization: {S3}\r\nContent-Length: 5\r\n"
        connection.sendall(f"{head}Expect: 100-continue\r\n\r\n".encode())
        assert connection.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"hello")
        answer = connection.recv(10_000)
        assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert served.backend.received == 5


def test_a_final_answer_before_the_body_closes_the_connection(served: Any) -> None:
    """RFC 9110, section 10.1.1: the client sends no body any more, so nothing after it can be told from one."""
    served.backend.answer = lambda request: Response(404, CIMultiDict(), b"<Error/>")
    url = urlsplit(served.address)
    with socket.create_connection((url.hostname, url.port), timeout=10) as connection:
        head = f"PUT /b/k HTTP/1.1\r\nHost: x\r\nAuthorization: {S3}\r\nContent-Length: 5\r\n"
        connection.sendall(f"{head}Expect: 100-continue\r\n\r\n".encode())
        answer = b""
        while not answer.endswith(b"<Error/>"):
            answer += connection.recv(10_000)
        assert answer.startswith(b"HTTP/1.1 404 ")
        assert b"\r\nConnection: close\r\n" in answer
    client = served.client("s3")
    for call in (client.put_object, client.put_object, client.get_object):
        body = {"Body": b"x" * 300} if call == client.put_object else {}
        with pytest.raises(ClientError) as refused:
            call(Bucket="b", Key="k", **body)
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


def answer_with(served: Any, response: Response) -> None:
    served.backend.answer = lambda request: response


def test_head_keeps_the_length_and_sends_no_body(served: Any, tmp_path: Path) -> None:
    connection = connect(served)
    answer_with(served, Response(200, CIMultiDict({"Content-Length": "1234", "Content-Type": "text/csv"})))
    response, body = ask(connection, "HEAD", "/b/k")
    assert (response.headers["Content-Length"], response.headers["Content-Type"], body) == ("1234", "text/csv", b"")
    (tmp_path / "object").write_bytes(b"x" * 10)
    answer_with(served, Response(200, CIMultiDict(), FileBody(tmp_path / "object", 0, 10)))
    response, body = ask(connection, "HEAD", "/b/k")
    assert (response.headers["Content-Length"], body) == ("10", b"")
    answer_with(served, Response(404, CIMultiDict({"Content-Type": "application/xml"})))
    response, body = ask(connection, "HEAD", "/b/k")
    assert (response.status, body) == (404, b"")
    connection.close()


@pytest.mark.parametrize(("offset", "length"), [(0, 3 * MB + 7), (5, 10), (MB, 2 * MB), (0, 0)])
def test_a_range_of_a_file_is_sent_from_disk(served: Any, tmp_path: Path, offset: int, length: int) -> None:
    content = bytes(range(256)) * (3 * MB // 256) + b"1234567"
    (tmp_path / "object").write_bytes(content)
    answer_with(served, Response(200, CIMultiDict({"ETag": '"x"'}), FileBody(tmp_path / "object", offset, length)))
    connection = connect(served)
    for _ in range(2):  # the connection is still good afterwards
        response, body = ask(connection, "GET", "/b/k")
        assert response.headers["Content-Length"] == str(length)
        assert body == content[offset : offset + length]
    connection.close()


def test_a_file_that_ends_early_breaks_the_connection(served: Any, tmp_path: Path) -> None:
    (tmp_path / "object").write_bytes(b"x" * 10)
    answer_with(served, Response(200, CIMultiDict(), FileBody(tmp_path / "object", 0, 1000)))
    connection = connect(served)
    with pytest.raises(http.client.IncompleteRead):
        ask(connection, "GET", "/b/k")
    connection.close()


def test_a_streamed_answer_without_a_length_comes_in_chunks(served: Any) -> None:
    async def parts() -> AsyncIterator[bytes]:
        yield b"one,"
        yield b"two"

    answer_with(served, Response(200, CIMultiDict({"Content-Type": "text/csv"}), parts()))
    connection = connect(served)
    response, body = ask(connection, "GET", "/b/k")
    connection.close()
    assert (response.headers["Transfer-Encoding"], body) == ("chunked", b"one,two")


def echo(served: Any) -> None:
    async def invoke_endpoint(scope: Any, request: dict[str, Any]) -> dict[str, Any]:
        return {"Body": request["Body"], "ContentType": request.get("ContentType"), "InvokedProductionVariant": "A"}

    served.operations["sagemaker-runtime", "InvokeEndpoint"] = invoke_endpoint


def test_an_invocation_carries_bytes_and_headers(served: Any) -> None:
    echo(served)
    body = bytes(range(256)) * 1000
    answer = served.client("sagemaker-runtime").invoke_endpoint(EndpointName="e", Body=body, ContentType="text/csv")
    assert answer["Body"].read() == body
    assert (answer["ContentType"], answer["InvokedProductionVariant"]) == ("text/csv", "A")


def test_an_invocation_may_have_six_megabytes_and_no_more(served: Any) -> None:
    echo(served)
    client = served.client("sagemaker-runtime")
    most = 6 * MB
    assert len(client.invoke_endpoint(EndpointName="e", Body=b"x" * most)["Body"].read()) == most
    with pytest.raises(client.exceptions.ValidationError, match=f"limited to {most} bytes: the request has {most + 1}"):
        client.invoke_endpoint(EndpointName="e", Body=b"x" * (most + 1))
    # Without an announced length it shows only on the way.
    connection = connect(served)
    chunks = (b"x" * MB for _ in range(7))
    response, body = ask(
        connection, "POST", "/endpoints/e/invocations", chunks, Authorization=S3.replace("/s3/", "/sagemaker/")
    )
    connection.close()
    assert (response.status, b"ValidationError" in response.headers["x-amzn-ErrorType"].encode()) == (400, True)
    assert b"more than" in body


def test_a_control_plane_request_that_is_no_document_any_more_is_refused(served: Any) -> None:
    served.operations["sagemaker", "ListModels"] = lambda scope, request: {"Models": []}
    connection = connect(served)
    headers = {"Authorization": S3.replace("/s3/", "/sagemaker/"), "X-Amz-Target": "SageMaker.ListModels"}
    connection.request("POST", "/", b" " * (17 * MB), headers)
    assert connection.getresponse().status == 413
    connection.close()


def test_a_large_document_is_read_on_a_thread(served: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    threads: dict[int, str] = {}
    read = bodies.parse_request

    def watched(operation: Any, request: Any) -> Any:
        threads[len(request.body)] = threading.current_thread().name
        return read(operation, request)

    monkeypatch.setattr(bodies, "parse_request", watched)
    connection = connect(served)
    headers = {"Authorization": S3.replace("/s3/", "/sagemaker/"), "X-Amz-Target": "SageMaker.ListModels"}
    served.operations["sagemaker", "ListModels"] = lambda scope, request: {"Models": []}
    for size in (2, MB):
        connection.request("POST", "/", b"{}".ljust(size), headers)
        response = connection.getresponse()
        assert (response.status, response.read()) == (200, b'{"Models":[]}')
    connection.close()
    assert threads[2] != threads[MB]


def test_a_client_that_goes_away_while_sending_is_noted_and_nothing_else(served: Any) -> None:
    url = urlsplit(served.address)
    with socket.create_connection((url.hostname, url.port), timeout=10) as connection:
        head = f"PUT /b/k HTTP/1.1\r\nHost: x\r\nAuthorization: {S3}\r\nContent-Length: 500\r\n\r\n"
        connection.sendall(head.encode() + b"x" * 100)
        until(lambda: served.backend.received == 100)
    until(lambda: '"status": 499' in (served.state / "emulator.log").read_text())
    assert "defect" not in (served.state / "emulator.log").read_text()
    served.client("s3").list_buckets()


def test_a_client_that_goes_away_while_receiving_is_no_defect(served: Any, tmp_path: Path) -> None:
    with (tmp_path / "object").open("wb") as file:
        file.truncate(200 * MB)
    answer_with(served, Response(200, CIMultiDict(), FileBody(tmp_path / "object", 0, 200 * MB)))
    url = urlsplit(served.address)
    with socket.create_connection((url.hostname, url.port), timeout=10) as connection:
        connection.sendall(f"GET /b/k HTTP/1.1\r\nHost: x\r\nAuthorization: {S3}\r\n\r\n".encode())
        assert connection.recv(1000).startswith(b"HTTP/1.1 200 OK")
    served.backend.answer = None
    served.client("s3").list_buckets()
    assert "defect" not in (served.state / "emulator.log").read_text()


def test_what_is_no_http_is_answered_and_never_in_html(served: Any) -> None:
    url = urlsplit(served.address)
    with socket.create_connection((url.hostname, url.port), timeout=10) as connection:
        connection.sendall(b"this is not HTTP\r\n\r\n")
        answer = connection.recv(10_000)
    assert answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.0 400 "))
    assert b"<html" not in answer.lower()


def test_large_headers_and_long_request_lines_are_taken(served: Any) -> None:
    connection = connect(served)
    response, _ = ask(connection, "GET", "/b/" + "k" * 20_000, X_Amz_Security_Token="t" * 20_000)
    connection.close()
    assert response.status == 200


def test_a_backend_error_in_the_stream_of_a_request_is_answered(served: Any) -> None:
    def fail(request: Request) -> Response:
        raise ZeroDivisionError

    served.backend.answer = fail
    client = served.client("s3", retries={"total_max_attempts": 1})
    with pytest.raises(ClientError) as refused:
        client.list_buckets()
    assert refused.value.response["Error"]["Code"] == "InternalFailure"
