"""Programs run offline: their exit codes, their signals, and what they can reach, in both ways."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from harness.clients import offline_process
from harness.clients.emulator_process import RunningEmulator, package_parent, start, stop
from harness.clients.environment import Target, wiring
from harness.runners.process import sandbox
from harness.runners.process.errors import IsolationRefused

pytestmark = pytest.mark.provenance("assumed", source="harness's own behaviour")


REACH = """
import socket, sys, urllib.request
direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
print(direct.open(sys.argv[1] + "/_harness/health").status)
try:
    socket.create_connection(("192.0.2.1", 80), timeout=2)
except OSError as error:
    print(type(error).__name__)
"""


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory):
    running = start(tmp_path_factory.mktemp("project") / ".harness")
    yield running
    stop(running)


def environment(emulator: RunningEmulator, folder: Path) -> dict[str, str]:
    target = Target(emulator.address, "us-east-1", "123456789012")
    return wiring(target, folder, {}, offline=True).applied_to({"PATH": os.environ["PATH"]})


@pytest.mark.needs("namespaces")
def test_in_a_namespace_only_the_emulator_can_be_reached_even_without_the_shim(
    emulator: RunningEmulator, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    argv = [sys.executable, "-I", "-c", REACH, emulator.address]
    assert offline_process.run(argv, environment(emulator, tmp_path), emulator) == 0
    assert capfd.readouterr().out.split() == ["200", "OSError"]


def test_where_namespaces_are_refused_the_shim_refuses_by_name(
    emulator: RunningEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def refused(*_: object) -> int:
        raise IsolationRefused("not here")

    monkeypatch.setattr(sandbox, "run_offline", refused)
    argv = [sys.executable, "-c", REACH, emulator.address]
    assert offline_process.run(argv, environment(emulator, tmp_path), emulator) == 0
    told = capfd.readouterr()
    assert told.out.split() == ["200", "RefusedHost"]
    assert "no network namespace here (not here)" in told.err
    assert "refused to reach 192.0.2.1:80" in told.err


@pytest.mark.parametrize(("argv", "code"), [(["sh", "-c", "exit 7"], 7), (["sh", "-c", "kill -9 $$"], 137)])
def test_the_exit_code_is_the_programs(emulator: RunningEmulator, tmp_path: Path, argv: list[str], code: int) -> None:
    given = environment(emulator, tmp_path)
    assert offline_process.run(argv, given, emulator) == code
    assert offline_process.run_plain(argv, given) == code


def test_a_program_that_is_not_there_is_named(
    emulator: RunningEmulator, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert offline_process.run(["no-such-program"], environment(emulator, tmp_path), emulator) == 127
    assert offline_process.run_plain([str(tmp_path)], {"PATH": os.environ["PATH"]}) == 126
    assert "no-such-program" in capfd.readouterr().err


BACKGROUND = """
import sys, time
from pathlib import Path
from harness.clients.emulator_process import find
from harness.clients.offline_process import OfflineProcess
emulator = find(Path(sys.argv[1]))
program = OfflineProcess(["sh", "-c", sys.argv[3]], {"PATH": "/usr/bin:/bin"}, emulator, Path(sys.argv[2]))
while not Path(sys.argv[2]).exists() or "ready" not in Path(sys.argv[2]).read_text():
    time.sleep(0.01)
getattr(program, sys.argv[4])()
while program.code() is None:
    time.sleep(0.01)
print(program.code())
"""


@pytest.mark.parametrize(
    ("script", "ask", "code"),
    [
        ("trap 'echo bye; exit 5' TERM; echo ready; while :; do sleep 0.05; done", "terminate", 5),
        ("trap '' TERM; echo ready; sleep 60", "kill", 137),
        ("echo ready; exit 3", "code", 3),
    ],
)
def test_a_program_in_the_background(
    emulator: RunningEmulator, tmp_path: Path, script: str, ask: str, code: int
) -> None:
    output = tmp_path / "output"
    argv = [sys.executable, "-c", BACKGROUND, str(emulator.state), str(output), script, ask]
    given = {"PATH": os.environ["PATH"], "PYTHONPATH": package_parent()}
    done = subprocess.run(argv, capture_output=True, text=True, env=given, timeout=50, check=False)
    assert done.stdout.strip() == str(code), done.stderr
    if ask == "terminate":
        assert output.read_text() == "ready\nbye\n"


FOREGROUND = """
import sys
from harness.clients.offline_process import run_plain
script = "trap 'exit 9' TERM; echo ready; while :; do sleep 0.05; done"
sys.exit(run_plain(["sh", "-c", script], {"PATH": "/usr/bin:/bin"}))
"""


def test_a_signal_is_passed_on() -> None:
    given = {"PATH": os.environ["PATH"], "PYTHONPATH": package_parent()}
    with subprocess.Popen([sys.executable, "-c", FOREGROUND], env=given, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=20)
    assert process.returncode == 9
