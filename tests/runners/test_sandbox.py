"""``run_offline``: the user's own program, with the emulator as its whole network."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.kernel.control_protocol import SERVE
from harness.runners.process import sandbox
from harness.runners.process.errors import IsolationRefused
from harness.runners.process.sandbox import SandboxProgram, run_offline
from tests.runners.conftest import PROGRAMS, eventually


class Emulator:
    """Takes listening sockets at its control socket, as the gateway does, and greets whoever connects to them."""

    def __init__(self, path: Path) -> None:
        self.let_go = 0
        self._control = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._control.bind(str(path))
        self._control.listen()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                caller, _ = self._control.accept()
            except OSError:
                return
            with caller:
                word, descriptors, _, _ = socket.recv_fds(caller, 1, 1)
                assert word == SERVE
                door = socket.socket(fileno=descriptors[0])
                greeting = threading.Thread(target=self._greet, args=(door,))
                greeting.start()
                assert caller.recv(1) == b""
                door.shutdown(socket.SHUT_RDWR)
                greeting.join()
                door.close()
                self.let_go += 1

    def _greet(self, door: socket.socket) -> None:
        while True:
            try:
                connection, _ = door.accept()
            except OSError:
                return
            with connection:
                connection.sendall(b"the emulator")

    def close(self) -> None:
        self._control.shutdown(socket.SHUT_RDWR)
        self._control.close()
        self._thread.join()


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[Emulator]:
    made = Emulator(tmp_path / "control.sock")
    yield made
    made.close()


def _run(tmp_path: Path, *argv: str) -> int:
    try:
        return run_offline(
            SandboxProgram(argv, {"PATH": os.environ["PATH"], "MINE": "yes"}, 4599, tmp_path / "control.sock")
        )
    except IsolationRefused as error:
        pytest.skip(f"this host refuses network namespaces: {error}")


def test_program_reaches_the_emulator_and_nothing_else(emulator: Emulator, tmp_path: Path, capfd) -> None:  # type: ignore[no-untyped-def]
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        code = _run(tmp_path, sys.executable, str(PROGRAMS / "reach.py"), "4599", str(port), "192.0.2.1:443")
    assert code == 0
    assert capfd.readouterr().out.splitlines() == ["the emulator", "ConnectionRefusedError 111", "OSError 101"]
    eventually(lambda: emulator.let_go == 1)


def test_program_keeps_identity_files_and_environment(emulator: Emulator, tmp_path: Path, capfd) -> None:  # type: ignore[no-untyped-def]
    command = f"id -u; echo $MINE; pwd; echo made > {tmp_path}/made; exit 9"
    assert _run(tmp_path, "sh", "-c", command) == 9
    assert capfd.readouterr().out.split() == [str(os.geteuid()), "yes", str(Path.cwd())]
    assert (tmp_path / "made").stat().st_uid == os.geteuid()


def test_program_that_was_killed_or_is_missing(emulator: Emulator, tmp_path: Path, capfd) -> None:  # type: ignore[no-untyped-def]
    assert _run(tmp_path, "sh", "-c", "kill -TERM $$") == 128 + signal.SIGTERM
    assert _run(tmp_path, "no-such-program") == 127
    assert "no-such-program: No such file" in capfd.readouterr().err


def test_signals_are_for_the_program(emulator: Emulator, tmp_path: Path, capfd) -> None:  # type: ignore[no-untyped-def]
    def terminate() -> None:
        until = time.monotonic() + 10
        while not (tmp_path / "up").exists() and time.monotonic() < until:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=terminate).start()
    command = f"trap 'echo asked; exit 3' TERM; touch {tmp_path}/up; while :; do sleep 0.05; done"
    assert _run(tmp_path, "sh", "-c", command) == 3
    assert capfd.readouterr().out == "asked\n"


def test_refusal_of_the_host_is_an_error_before_anything_runs(
    emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = tmp_path / "inside"
    fake.mkdir()
    answer = '{"event": "refused", "why": "unshare: Operation not permitted"}'
    code = f"import socket, sys\nsocket.socket(fileno=int(sys.argv[3])).send(b'{answer}')\n"
    (fake / "__main__.py").write_text(code)
    monkeypatch.setattr(sandbox, "INSIDE", fake)
    with pytest.raises(IsolationRefused, match="Operation not permitted"):
        run_offline(SandboxProgram(["touch", str(tmp_path / "ran")], dict(os.environ), 4599, tmp_path / "control.sock"))
    assert not (tmp_path / "ran").exists()


def test_emulator_that_is_gone_runs_nothing(tmp_path: Path) -> None:
    with pytest.raises((FileNotFoundError, ConnectionError)):
        _run(tmp_path, "touch", str(tmp_path / "ran"))
    assert not (tmp_path / "ran").exists()
