"""Listening sockets lent to the emulator."""

from __future__ import annotations

import http.client
import socket
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from harness.kernel.control_protocol import DONE, SERVE, SOCKET_NAME, send


def health(port: int) -> int:
    """The status of an answer; a listener for jobs says 403."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/_harness/health")
        return connection.getresponse().status
    finally:
        connection.close()


def lend(folder: Path, listener: socket.socket) -> socket.socket:
    """Have the emulator serve ``listener`` until the connection that this returns is closed."""
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.settimeout(10)
        send(connection, folder / SOCKET_NAME, SERVE, [listener.fileno()])
        assert connection.recv(1) == DONE
    except BaseException:
        connection.close()
        raise
    return connection


def until_refused(port: int) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            health(port)
        except OSError:
            return
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_lent_socket_is_served_until_the_connection_closes(served: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        connection = lend(served.state, listener)
    assert health(port) == 200
    assert health(port) == 200
    connection.close()
    until_refused(port)


def test_a_proxy_request_to_the_port_of_a_lent_socket_is_for_the_emulator(served: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        connection = lend(served.state, listener)
    with socket.create_connection(("127.0.0.1", port), timeout=5) as asked:
        asked.sendall(f"GET http://127.0.0.1:{port}/_harness/health HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert asked.recv(100).startswith(b"HTTP/1.1 200 ")
    connection.close()


def test_an_adopted_socket_is_served_until_it_is_released(served: Any) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    release = served.emulator.adopt(listener)
    assert health(port) == 403
    release()
    until_refused(port)


def test_what_is_no_lending_is_turned_away(served: Any) -> None:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(5)
        connection.connect(str(served.state / SOCKET_NAME))
        connection.sendall(b"?")
        assert connection.recv(1) == b""
    assert health(int(served.address.rpartition(":")[2])) == 200


def test_the_control_socket_is_the_owners_alone_and_goes_with_the_emulator(served: Any) -> None:
    assert (served.state / SOCKET_NAME).stat().st_mode & 0o777 == 0o600
    served.emulator.close()
    assert not (served.state / SOCKET_NAME).exists()


def test_a_state_folder_with_a_long_path_has_one_too(make_served: Any, tmp_path: Path) -> None:
    served = make_served(state=tmp_path / ("long" * 30) / "state")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        connection = lend(served.state, listener)
    assert health(port) == 200
    connection.close()


def test_lending_to_nobody_fails(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, pytest.raises(OSError, match="No such file"):
        lend(tmp_path, listener)


def test_a_socket_may_be_offered_before_the_emulator_serves(served: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """As programs do that ``recover`` starts again."""
    server = served.emulator._server
    monkeypatch.setattr(served.emulator, "_server", Future())
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor() as pool:
        port = listener.getsockname()[1]
        adopting = pool.submit(served.emulator.adopt, listener.dup())
        served.emulator._server.set_result(server.result())
        release = adopting.result(10)
    assert health(port) == 403
    release()
