"""The emulator as a process on a state folder: identified by its announcement, started detached, stopped politely.

Knows the file and the private paths only; it never imports the emulator.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from harness.kernel.control_protocol import SOCKET_NAME
from harness.kernel.errors import StateError
from harness.kernel.files import open_private
from harness.stores.credentials import ADMIN_TOKEN, read_admin_token, read_client_secret
from harness.stores.folder import StateFolder, make_private, read_announcement

OUTPUT = "emulator.out"
"""What the process itself prints; the emulator keeps a log of requests beside it."""
START_SECONDS = 60.0
STOP_SECONDS = 30.0
LOOK = 0.01

_CHILDREN: dict[int, subprocess.Popen[bytes]] = {}
"""Emulators that this process started: when one ends, only its parent can take note of that."""


@dataclass(frozen=True)
class RunningEmulator:
    """A live emulator: what its ``emulator.json`` says."""

    state: Path
    pid: int
    address: str
    version: str = ""
    started: str = ""
    folder: Path | None = None
    """Where its state really lies: for an ephemeral one that is not ``state``."""

    @property
    def port(self) -> int:
        return urlsplit(self.address).port or 80

    @property
    def control(self) -> Path:
        """The socket that takes in listening sockets from other networks."""
        return self._own_folder / SOCKET_NAME

    @property
    def token_file(self) -> Path:
        return self._own_folder / ADMIN_TOKEN

    @property
    def _own_folder(self) -> Path:
        return self.folder or self.state

    def client_secret(self) -> str:
        """The secret access key that its clients sign with."""
        return read_client_secret(self._own_folder)

    def facts(self) -> dict[str, Any]:
        """Return the emulator's description of itself."""
        facts: dict[str, Any] = self.ask("/_harness/status", timeout=2.0)
        return facts

    def ask(self, path: str, method: str = "GET", timeout: float | None = 10.0, **members: Any) -> Any:
        """The decoded JSON answer of a private path; ``StateError`` when it does not answer or refuses."""
        # Imported here: while this is loaded, an emulator just started is already loading too.
        import http.client

        where = urlsplit(self.address)
        connection = http.client.HTTPConnection(where.hostname or "127.0.0.1", self.port, timeout=timeout)
        try:
            body = json.dumps(members) if members else None
            headers = {"Authorization": f"Bearer {read_admin_token(self._own_folder)}"}
            connection.request(method, path, body=body, headers=headers)
            response = connection.getresponse()
            answer = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise StateError(
                f"the emulator at {self.address} does not answer ({error})", "see `harness status`"
            ) from error
        finally:
            connection.close()
        return _answer(path, response.status, answer)

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
    recorded = _read_announced(state)
    return recorded if recorded and recorded.alive() and recorded.healthy() else None


def _read_announced(state: Path) -> RunningEmulator | None:
    facts = read_announcement(state)
    if facts is None:
        return None
    texts = {key: str(facts[key]) for key in ("version", "started") if key in facts}
    folder = Path(facts["folder"]) if "folder" in facts else None
    return RunningEmulator(state=state, pid=int(facts["pid"]), address=str(facts["address"]), folder=folder, **texts)


@dataclass(frozen=True)
class StartOptions:
    """The options of an emulator. ``choices`` are settings of the command line;
    the rest it reads from the ``harness.toml`` of ``project`` and the environment. ``fixed_port``: so was the port."""

    port: int = 0
    fixed_port: bool = False
    ephemeral: bool = False
    project: Path | None = None
    choices: Mapping[str, str] = field(default_factory=dict)

    def demands(self) -> Mapping[str, str | int | bool]:
        """Return the settings that an emulator which already runs must have."""
        demanded: dict[str, str | int | bool] = {**self.choices}
        if self.fixed_port and self.port:
            demanded["port"] = self.port
        if self.ephemeral:
            demanded["ephemeral"] = True
        return demanded


DEFAULT = StartOptions()


def start(state: Path, options: StartOptions = DEFAULT) -> RunningEmulator:
    """Start it detached from this terminal and wait until it is healthy."""
    try:
        make_private(state)
        output = os.fdopen(open_private(str(state / OUTPUT), os.O_WRONLY | os.O_CREAT | os.O_TRUNC), "wb")
    except OSError as error:
        raise StateError(
            f"the state folder {state} cannot be used ({error.strerror})", "choose another with --state"
        ) from error
    with output:
        process = subprocess.Popen(
            command(state, options),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            cwd=package_parent(),
        )
    _CHILDREN[process.pid] = process
    try:
        return _when_healthy(state, process, options.ephemeral)
    except BaseException:
        process.kill()
        process.wait()
        raise


def _when_healthy(state: Path, process: subprocess.Popen[bytes], ephemeral: bool) -> RunningEmulator:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise StateError(_why_not(state, process.returncode))
        emulator = _announcing(state, process.pid) if ephemeral else _read_announced(state)
        if emulator and emulator.pid == process.pid and emulator.healthy():
            return emulator
        time.sleep(LOOK)
    raise StateError(f"the emulator did not answer within {START_SECONDS:.0f} s", f"see {state / OUTPUT}")


def _announcing(state: Path, pid: int) -> RunningEmulator | None:
    """An ephemeral emulator prints its address and its folder for its parent, which writes them down for others."""
    printed = (state / OUTPUT).read_text()
    lines = [line for line in printed.splitlines() if not line.startswith("harness:")]
    if len(lines) < 2 or not printed.endswith("\n") or not lines[0].startswith("http"):
        return None
    emulator = RunningEmulator(state=state, pid=pid, address=lines[0], folder=Path(lines[1]))
    facts = {key: emulator.facts()[key] for key in ("pid", "address", "version", "started")}
    StateFolder(state).announce({**facts, "folder": lines[1]})
    return _read_announced(state)


def command(state: Path, options: StartOptions) -> list[str]:
    arguments = ["--state", str(state), "--port", str(options.port), *(["--ephemeral"] if options.ephemeral else [])]
    if options.project:
        arguments += ["--project", str(options.project)]
    for name, value in options.choices.items():
        arguments += [f"--{name.replace('_', '-')}", value]
    return [sys.executable, "-m", "harness.emulator", *arguments]


def package_parent() -> str:
    """The folder ``python -m harness...`` finds the package from, installed or not."""
    return str(Path(__file__).resolve().parents[2])


def _why_not(state: Path, code: int) -> str:
    """The last line the emulator wrote: its own errors are one line that says what and what to do."""
    lines = (state / OUTPUT).read_text(errors="replace").strip().splitlines()
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
    raise StateError(f"process {emulator.pid} does not end", f"look at it with `ps -p {emulator.pid}`")


def process_alive(pid: int) -> bool:
    """Return True when it runs; another's zombie counts as ended."""
    child = _CHILDREN.get(pid)
    if child is not None and child.poll() is not None:
        return False
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
