"""The emulator in the role of a proxy."""

from __future__ import annotations

import http.client
import json
import socket
from typing import Any
from urllib.parse import urlsplit

import pytest


def raw(served: Any, text: str) -> bytes:
    url = urlsplit(served.address)
    with socket.create_connection((url.hostname, url.port), timeout=10) as connection:
        connection.sendall(text.encode())
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
        return received


@pytest.mark.parametrize(
    ("line", "host"),
    [
        ("GET http://example.com/_harness/health HTTP/1.1", "example.com"),
        ("GET http://169.254.169.254/latest HTTP/1.1", "169.254.169.254"),
        ("CONNECT sts.us-east-1.amazonaws.com:443 HTTP/1.1", "sts.us-east-1.amazonaws.com"),
        ("CONNECT [2001:db8::1]:443 HTTP/1.1", "2001:db8::1"),
    ],
)
def test_other_hosts_are_refused_by_name_and_with_the_way_out(served: Any, line: str, host: str) -> None:
    answer = raw(served, f"{line}\r\nHost: x\r\nConnection: close\r\n\r\n")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 403 ")
    told = json.loads(body)["message"]
    assert f"refused a connection to {host}" in told
    assert f"add {host} to NO_PROXY" in told


def test_an_https_request_through_the_proxy_fails_with_the_refusal(served: Any) -> None:
    url = urlsplit(served.address)
    connection = http.client.HTTPSConnection(url.hostname or "", url.port, timeout=10)
    connection.set_tunnel("pypi.org", 443)
    with pytest.raises(OSError, match=r"403 harness refused pypi\.org: offline"):
        connection.request("GET", "/")


def test_loopback_by_absolute_address_is_served(served: Any) -> None:
    port = urlsplit(served.address).port
    for host in ("127.0.0.1", "localhost"):
        line = f"GET http://{host}:{port}/_harness/health HTTP/1.1"
        answer = raw(served, f"{line}\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 200 ")


def test_another_port_of_loopback_is_not_ours_to_answer_for(served: Any) -> None:
    answer = raw(served, "GET http://127.0.0.1:1/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 403 ")
    assert b"NO_PROXY" in answer
