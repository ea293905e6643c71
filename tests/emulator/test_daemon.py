"""``python -m harness.emulator`` as a process: starting, announcing, being refused, ending, being killed."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.admin import ask_admin

ROOT = Path(__file__).resolve().parents[2]


class Daemon:
    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def address(self) -> str:
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        address = self.process.stdout.readline().strip()
        assert address, self.process.stderr.read()
        return address

    def end(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(30)

    def refusal(self) -> str:
        assert self.process.wait(30) == 3
        assert self.process.stderr is not None
        return self.process.stderr.read()


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Callable[..., Daemon]]:
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> Daemon:
        process = subprocess.Popen(
            [sys.executable, "-m", "harness.emulator", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        started.append(process)
        return Daemon(process)

    yield start
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        process.communicate()


def status(address: str, state: Path) -> Any:
    return ask_admin(address, state, "status")


def test_it_announces_itself_after_it_listens_and_leaves_nothing_when_it_ends(
    daemon: Callable[..., Daemon], tmp_path: Path
) -> None:
    running = daemon("--port", "0")
    address = running.address()
    facts = status(address, tmp_path / ".harness")
    deadline = time.monotonic() + 10
    while not (tmp_path / ".harness/emulator.json").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    announced = json.loads((tmp_path / ".harness/emulator.json").read_text())
    assert announced["address"] == address == facts["address"]
    assert announced["pid"] == running.process.pid == facts["pid"]
    assert set(announced) == {"pid", "address", "version", "started"}
    assert running.end(signal.SIGINT) == 0
    assert not (tmp_path / ".harness/emulator.json").exists()
    assert running.process.stderr is not None
    assert running.process.stderr.read() == ""


def test_a_second_one_on_the_folder_is_told_of_the_first(daemon: Callable[..., Daemon], tmp_path: Path) -> None:
    first = daemon("--port", "0")
    address = first.address()
    status(address, tmp_path / ".harness")
    told = daemon("--port", "0").refusal()
    assert f"in use by the emulator running as process {first.process.pid} at {address}" in told


def test_a_port_in_use_is_named_with_its_holder_and_the_way_out(daemon: Callable[..., Daemon], tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        told = daemon("--port", str(port), "--state", "other").refusal()
    assert told.startswith(f"harness: port {port} on 127.0.0.1 cannot be had (Address already in use)")
    assert f"process {os.getpid()} (" in told
    assert "--port 0 for a free one" in told


def test_a_port_in_use_by_another_emulator_names_its_folder(daemon: Callable[..., Daemon], tmp_path: Path) -> None:
    first = daemon("--port", "0")
    port = first.address().rpartition(":")[2]
    told = daemon("--port", port, "--state", "other").refusal()
    assert f"another emulator has it (process {first.process.pid}" in told
    assert "`harness stop` in its project" in told


def test_after_a_kill_the_next_one_starts_on_the_same_folder(daemon: Callable[..., Daemon], tmp_path: Path) -> None:
    first = daemon("--port", "0")
    first.address()
    first.end(signal.SIGKILL)
    second = daemon("--port", "0")
    assert status(second.address(), tmp_path / ".harness")["pid"] == second.process.pid


def test_shutdown_by_wire_ends_the_process(daemon: Callable[..., Daemon], tmp_path: Path) -> None:
    running = daemon("--port", "0")
    assert ask_admin(running.address(), tmp_path / ".harness", "shutdown", {}) == {"status": "stopping"}
    assert running.process.wait(30) == 0


def test_an_ephemeral_one_keeps_nothing(daemon: Callable[..., Daemon], tmp_path: Path) -> None:
    running = daemon("--port", "0", "--ephemeral")
    address = running.address()
    assert running.process.stdout is not None
    facts = status(address, Path(running.process.stdout.readline().strip()))
    assert facts["ephemeral"] is True
    assert Path(facts["state"]).exists()
    assert running.end() == 0
    assert not Path(facts["state"]).exists()
    assert not (tmp_path / ".harness").exists()


def test_an_unknown_setting_ends_it_with_the_reason(daemon: Callable[..., Daemon], tmp_path: Path) -> None:
    (tmp_path / "harness.toml").write_text("[settings]\nprot = 1\n")
    assert "unknown setting 'prot'" in daemon().refusal()


LATE = (
    "moto",
    "requests",
    "botocore.session",
    "botocore.client",
    "jsonpath",
    "croniter",
    "aiohttp.web",
    "numpy",
)


def test_what_first_requests_do_not_need_is_not_imported_before_them(tmp_path: Path) -> None:
    """Each of these costs a twentieth to a whole second of the start."""
    program = f"""
import sys
from pathlib import Path
from harness.emulator import Emulator
from harness.settings import Settings
import harness.emulator.emulator as module
module._FIRST_REQUESTS = 0
Emulator._load_backend = lambda self: None
with Emulator(Settings(state=Path({str(tmp_path / "state")!r}), port=0)) as emulator:
    emulator._parts.lookup("sagemaker", "DescribeTrainingJob")
    print(*[name for name in {LATE!r} if name in sys.modules])
"""
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True)
    assert found.stdout.split() == []
