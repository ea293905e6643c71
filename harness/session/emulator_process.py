"""The emulator as a process on a state folder: found by ``emulator.json``, started detached, stopped politely.

Knows the file and the private paths only; it never imports the emulator.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from harness.kernel.errors import StateError

RECORD = "emulator.json"
LOG = "emulator.log"
START_SECONDS = 60.0
STOP_SECONDS = 30.0
LOOK = 0.01


@dataclass(frozen=True)
class RunningEmulator:
    """A live emulator: what its ``emulator.json`` says."""

    state: Path
    pid: int
    address: str
    version: str = ""
    started: str = ""

    @property
    def port(self) -> int:
        return urlsplit(self.address).port or 80

    def ask(self, path: str, method: str = "GET", timeout: float = 10.0, **query: str) -> Any:
        """The decoded JSON answer of a private path; ``StateError`` when it does not answer or refuses."""
        where = urlsplit(self.address)
        connection = http.client.HTTPConnection(where.hostname or "127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method, path + (f"?{urlencode(query)}" if query else ""))
            response = connection.getresponse()
            body = response.read()
        except OSError as error:
            raise StateError(f"the emulator at {self.address} does not answer ({error}); see `harness status`") from error
        finally:
            connection.close()
        return _answer(path, response.status, body)

    def healthy(self) -> bool:
        try:
            self.ask("/_harness/health", timeout=2.0)
        except StateError:
            return False
        return True

    def alive(self) -> bool:
        return process_alive(self.pid)


def _answer(path: str, status: int, body: bytes) -> Any:
    try:
        answer = json.loads(body or b"null")
    except ValueError:
        answer = body.decode("utf-8", "replace")
    if status >= 400:
        message = answer.get("message") or answer.get("error") if isinstance(answer, dict) else answer
        raise StateError(f"{path}: {message or f'the emulator answered {status}'}")
    return answer


def find(state: Path) -> RunningEmulator | None:
    """The emulator that runs on this state folder, if one does."""
    recorded = _recorded(state)
    return recorded if recorded and recorded.alive() and recorded.healthy() else None


def _recorded(state: Path) -> RunningEmulator | None:
    try:
        values = json.loads((state / RECORD).read_text())
        known = {key: values[key] for key in ("version", "started") if key in values}
        return RunningEmulator(state=state, pid=int(values["pid"]), address=str(values["address"]), **known)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def start(
    state: Path, *, port: int, options: tuple[str, ...] = (), meanwhile: Callable[[], None] = lambda: None
) -> RunningEmulator:
    """Start it detached from this terminal and wait until it is healthy. ``meanwhile`` is called while waiting."""
    state.mkdir(parents=True, exist_ok=True)
    with (state / LOG).open("ab") as log:
        begin = log.tell()
        process = subprocess.Popen(
            command(state, port, options),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd=package_parent(),
        )
    meanwhile()
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise StateError(_why_not(state, begin, process.returncode))
        emulator = _recorded(state)
        if emulator and emulator.pid == process.pid and emulator.healthy():
            return emulator
        time.sleep(LOOK)
    process.kill()
    raise StateError(f"the emulator did not answer within {START_SECONDS:.0f} s; its log is {state / LOG}")


def command(state: Path, port: int, options: tuple[str, ...] = ()) -> list[str]:
    return [sys.executable, "-m", "harness.emulator", "--state", str(state), "--port", str(port), *options]


def package_parent() -> str:
    """The folder ``python -m harness...`` finds the package from, installed or not."""
    return str(Path(__file__).resolve().parents[2])


def _why_not(state: Path, begin: int, code: int) -> str:
    """The last line the emulator wrote: its own errors are one line that says what and what to do."""
    with (state / LOG).open("rb") as log:
        log.seek(begin)
        lines = log.read().decode("utf-8", "replace").strip().splitlines()
    said = lines[-1].removeprefix("harness: ") if lines else f"it ended with code {code} and said nothing"
    return f"the emulator did not start: {said}"


def stop(emulator: RunningEmulator, seconds: float = STOP_SECONDS) -> None:
    """Ask it to shut down and wait for its end; kill it when it does not end in time."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.kill(emulator.pid, sign)
        except ProcessLookupError:
            return
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if not emulator.alive():
                return
            time.sleep(LOOK)
    raise StateError(f"process {emulator.pid} does not end; look at it with `ps -p {emulator.pid}`")


def process_alive(pid: int) -> bool:
    """Whether it runs. A child of ours that ended is collected here; another's zombie counts as ended."""
    try:
        if os.waitpid(pid, os.WNOHANG)[0] == pid:
            return False
    except ChildProcessError:
        pass
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        return b") Z " not in Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return True
