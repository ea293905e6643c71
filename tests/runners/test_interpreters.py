"""Programs run by an interpreter that the emulator keeps warm: like any other, but for what is already imported."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from harness.clients.environment import SHIM
from harness.runners.process.sandbox import SandboxProgram, prepare, run_offline
from tests.runners.conftest import eventually

pytestmark = pytest.mark.needs("namespaces")

TELL = """
import json, os, signal, sys
imported = "xml.dom.minidom" in sys.modules
json.dump({"argv": sys.argv, "cwd": os.getcwd(), "env": dict(os.environ), "imported": imported, "main": __name__,
           "session": os.getsid(0) == os.getpid(), "term": signal.getsignal(signal.SIGTERM) == signal.SIG_DFL},
          open(sys.argv[1], "w"))
print("told")
sys.exit(7)
"""
REACH = """
import sys, urllib.request
urllib.request.build_opener(urllib.request.ProxyHandler({})).open(sys.argv[1] + "/_harness/health", timeout=5)
"""
STAY = "import os, sys, time\nopen(sys.argv[1], 'w').write(str(os.getpid()))\ntime.sleep(60)\n"


@pytest.fixture
def program(emulator: Any, tmp_path: Path) -> Any:
    port = int(emulator.address.rpartition(":")[2])

    def make(text: str, *arguments: str, **env: str) -> SandboxProgram:
        script = tmp_path / "script.py"
        script.write_text(text)
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(SHIM), **env}
        argv = [sys.executable, str(script), *arguments]
        return SandboxProgram(argv, environment, port, emulator.state / "control.sock", ("xml.dom.minidom",))

    return make


def told(program: Any, tmp_path: Path, **env: str) -> Any:
    import json

    file = tmp_path / "told.json"
    assert run_offline(program(TELL, str(file), **env)) == 7
    return json.loads(file.read_text())


def test_it_is_cold_without_one_and_warm_with_one_and_otherwise_the_same(
    program: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    cold = told(program, tmp_path, MINE="yes")
    prepare(program(TELL), wait=True)
    warm = told(program, tmp_path, MINE="yes")
    assert (cold.pop("imported"), warm.pop("imported")) == (False, True)
    assert (cold.pop("session"), warm.pop("session")) == (False, True)
    cold["env"].pop("LC_CTYPE", None)  # which an interpreter sets for itself where there is no locale
    assert cold == warm
    assert warm["main"] == "__main__"
    assert warm["env"]["MINE"] == "yes"
    assert capfd.readouterr().out == "told\n" * 2


def test_who_does_not_wait_has_it_a_moment_later(program: Any, tmp_path: Path) -> None:
    prepare(program(TELL), wait=False)
    eventually(lambda: told(program, tmp_path)["imported"], seconds=30)


def test_its_whole_network_is_the_emulator(program: Any, emulator: Any) -> None:
    prepare(program(REACH), wait=True)
    assert run_offline(program(REACH, emulator.address)) == 0
    assert run_offline(program(REACH, "http://127.0.0.1:9")) == 1


def test_variables_that_are_read_while_importing_make_another_one(program: Any, tmp_path: Path) -> None:
    prepare(program(TELL), wait=True)
    assert not told(program, tmp_path, AWS_REGION="eu-west-1")["imported"]
    prepare(program(TELL, AWS_REGION="eu-west-1"), wait=True)
    assert told(program, tmp_path, AWS_REGION="eu-west-1")["imported"]


def test_an_interpreter_is_not_used_after_packages_were_installed(
    program: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from harness.runners.process import interpreters

    prepare(program(TELL), wait=True)
    monkeypatch.setattr(interpreters, "_last_installed", lambda python: 1)
    assert not told(program, tmp_path)["imported"]


def test_modules_that_cannot_be_imported_cost_nothing(program: Any, tmp_path: Path) -> None:
    from dataclasses import replace

    asked = replace(program(TELL, str(tmp_path / "told.json")), modules=("no_such_module",))
    prepare(asked, wait=True)
    assert run_offline(asked) == 7


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_signal_to_the_asker_ends_it(program: Any, emulator: Any, tmp_path: Path, number: int) -> None:
    asked = program(STAY, str(tmp_path / "pid"))
    prepare(asked, wait=True)
    pid = os.fork()
    if pid == 0:
        os._exit(run_offline(asked))
    running = int(_once(tmp_path / "pid"))
    os.kill(pid, number)
    status = os.waitpid(pid, 0)[1]
    assert os.waitstatus_to_exitcode(status) == (128 + number if number == signal.SIGTERM else -number)
    _gone(running)


def test_it_ends_with_the_emulator(program: Any, emulator: Any, tmp_path: Path) -> None:
    asked = program(TELL)
    prepare(asked, wait=True)
    parents = subprocess.run(["pgrep", "-f", "zygote.*xml.dom.minidom"], capture_output=True, text=True, check=True)
    assert "xml.dom.minidom" in emulator.emulator.facts()["warm_interpreters"]
    threading.Thread(target=emulator.emulator.close).start()
    for pid in parents.stdout.split():
        _gone(int(pid))


def _once(file: Path) -> str:
    until = time.monotonic() + 10
    while time.monotonic() < until:
        if file.exists() and (text := file.read_text()):
            return text
        time.sleep(0.01)
    raise AssertionError(f"{file.name} was not written")


def _gone(pid: int) -> None:
    until = time.monotonic() + 10
    while Path(f"/proc/{pid}").exists() and b") Z " not in Path(f"/proc/{pid}/stat").read_bytes():
        assert time.monotonic() < until, f"process {pid} stays"
        time.sleep(0.01)
