"""Running the user's own program in a network that contains only the emulator; it keeps its files and its user."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import final

from harness.kernel import control_protocol
from harness.kernel.control_protocol import DONE, FORK, PREPARE, SERVE
from harness.runners.process.errors import IsolationRefused
from harness.runners.process.host import INSIDE
from harness.runners.process.inside import messages

_OUTPUT = 1
"""The descriptor that a forked program writes its output and errors to: this process's standard output."""


@dataclass(frozen=True)
class SandboxProgram:
    """The user's own program. In its network, ``127.0.0.1:port`` is the emulator, whose control socket is ``control``.

    ``modules`` are the installed packages that a Python program (``argv[0]`` is an interpreter's path) imports, so that
    a warm interpreter that has imported them may run it.
    """

    argv: Sequence[str]
    env: Mapping[str, str]
    port: int
    control: Path
    modules: Sequence[str] = ()

    @contextlib.contextmanager
    def request(self) -> Iterator[int]:
        """Provide an open file with the request to the emulator."""
        body = {"argv": list(self.argv), "env": dict(self.env), "modules": list(self.modules), "umask": _umask()}
        with tempfile.TemporaryFile() as file:
            file.write(json.dumps({**body, "port": self.port, "cwd": str(Path.cwd())}).encode())
            file.flush()
            yield file.fileno()


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def run_offline(program: SandboxProgram) -> int:
    """Run the program and return its exit code, or 128 + signal if it was killed.

    Raise ``IsolationRefused`` if the host does not allow the network namespace; the program is not run then.
    """
    ours, theirs = messages.pair()
    with ours, _Signals() as signals, contextlib.ExitStack() as stack:
        with theirs:
            process = _fork(program, ours, theirs) or _spawn(program, theirs)
        try:
            stack.enter_context(adopted_listener(_receive_listener(ours), program.control))
            messages.send(ours, {"ask": "go"})
        except BaseException:
            ours.close()
            process.wait()
            raise
        signals.send_to(process)
        code = process.wait()
        return 128 - code if code < 0 else code


def prepare(program: SandboxProgram, *, wait: bool) -> None:
    """Make the emulator keep a warm interpreter for the next program like this one; ``wait`` until it is ready."""
    with program.request() as request:
        _send(program.control, PREPARE, [request], wait=wait)


def _spawn(program: SandboxProgram, channel: socket.socket) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-I", "-S", str(INSIDE), "offline", str(program.port), str(channel.fileno())]
    return subprocess.Popen([*command, *program.argv], pass_fds=(channel.fileno(),), env=dict(program.env))


def _fork(program: SandboxProgram, ours: socket.socket, theirs: socket.socket) -> _ForkedProgram | None:
    if not program.modules:
        return None
    with program.request() as request:
        done = _send(program.control, FORK, [request, theirs.fileno(), _OUTPUT])
    return _ForkedProgram(ours) if done else None


def _send(control: Path, message: bytes, descriptors: list[int], *, wait: bool = True) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as emulator:
        try:
            control_protocol.send(emulator, control, message, descriptors)
            return wait and emulator.recv(1) == DONE
        except OSError:
            return False  # the caller starts the program cold instead


class _ForkedProgram:
    """A program that a warm interpreter runs, with the methods of ``subprocess.Popen`` used here."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._code: int | None = None

    def poll(self) -> int | None:
        return self._code

    def send_signal(self, number: int) -> None:
        with contextlib.suppress(OSError):  # the program has just ended
            messages.send(self._channel, {"signal": number})

    def wait(self) -> int:
        while self._code is None:
            message = messages.receive(self._channel) if self._channel.fileno() >= 0 else None
            if message is None:
                self._code = 128 + signal.SIGKILL
            elif message.body["event"] == "exited":
                self._code = message.body["code"]
        return self._code


def _receive_listener(channel: socket.socket) -> int:
    message = messages.receive(channel)
    if message is None:
        raise IsolationRefused("the program that enters the network namespace ended at once")
    if message.body["event"] == "refused":
        raise IsolationRefused(message.body["why"])
    return message.descriptors[0]


@contextlib.contextmanager
def adopted_listener(listener: int, control: Path) -> Iterator[None]:
    """Make the emulator serve on a listening socket, which this function closes, until the context ends."""
    try:
        emulator = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with emulator:
            control_protocol.send(emulator, control, SERVE, [listener])
            os.close(listener)
            listener = -1
            yield
    finally:
        if listener >= 0:
            os.close(listener)


@final
class _Signals:
    """Forwards signals to the program, also those that arrive before it runs.

    SIGINT is not forwarded, because the terminal sends Ctrl-C to the program too.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | _ForkedProgram | None = None
        self._early: list[int] = []

    def __enter__(self) -> _Signals:
        self._before = {number: signal.signal(number, self._forward) for number in (signal.SIGTERM, signal.SIGHUP)}
        # A handler instead of SIG_IGN, which the program would inherit, so that it could not be interrupted.
        self._before[signal.SIGINT] = signal.signal(signal.SIGINT, lambda *_: None)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def send_to(self, process: subprocess.Popen[bytes] | _ForkedProgram) -> None:
        """Forward signals to ``process`` from now on, and those that have arrived already."""
        self._process = process
        while self._early:
            process.send_signal(self._early.pop(0))

    def _forward(self, number: int, _: FrameType | None) -> None:
        if self._process is None:
            self._early.append(number)
        elif self._process.poll() is None:
            self._process.send_signal(number)
