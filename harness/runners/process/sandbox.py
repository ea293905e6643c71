"""Runs the user's own program with nothing but the emulator within its reach. Its files and identity stay its own."""

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
"""What a forked program prints goes where our standard output goes, its errors too."""


@dataclass(frozen=True)
class SandboxProgram:
    """The user's own program. In its network ``127.0.0.1:port`` is the emulator, which listens to ``control``.

    ``modules`` is what a Python program (``argv[0]`` an interpreter's path) imports of installed packages: a warm
    interpreter that has imported them may run it.
    """

    argv: Sequence[str]
    env: Mapping[str, str]
    port: int
    control: Path
    modules: Sequence[str] = ()

    @contextlib.contextmanager
    def request(self) -> Iterator[int]:
        """For the emulator: an open file that says all this."""
        asked = {"argv": list(self.argv), "env": dict(self.env), "modules": list(self.modules), "umask": _umask()}
        with tempfile.TemporaryFile() as file:
            file.write(json.dumps({**asked, "port": self.port, "cwd": str(Path.cwd())}).encode())
            file.flush()
            yield file.fileno()


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def run_offline(program: SandboxProgram) -> int:
    """The exit code, 128 + signal if it was killed. ``IsolationRefused`` when nothing was run because of the host."""
    ours, theirs = messages.pair()
    with ours, _Signals() as signals, contextlib.ExitStack() as stack:
        with theirs:
            process = _forked(program, ours, theirs) or _spawned(program, theirs)
        try:
            stack.enter_context(handed_over(_receive_listener(ours), program.control))
            messages.send(ours, {"ask": "go"})
        except BaseException:
            ours.close()
            process.wait()
            raise
        signals.send_to(process)
        code = process.wait()
        return 128 - code if code < 0 else code


def prepare(program: SandboxProgram, *, wait: bool) -> None:
    """Have the emulator keep an interpreter warm for the next program like this one; ``wait`` until it stands ready."""
    with program.request() as request:
        _send(program.control, PREPARE, [request], wait=wait)


def _spawned(program: SandboxProgram, channel: socket.socket) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-I", "-S", str(INSIDE), "offline", str(program.port), str(channel.fileno())]
    return subprocess.Popen([*command, *program.argv], pass_fds=(channel.fileno(),), env=dict(program.env))


def _forked(program: SandboxProgram, ours: socket.socket, theirs: socket.socket) -> _Forked | None:
    if not program.modules:
        return None
    with program.request() as request:
        done = _send(program.control, FORK, [request, theirs.fileno(), _OUTPUT])
    return _Forked(ours) if done else None


def _send(control: Path, message: bytes, descriptors: list[int], *, wait: bool = True) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as emulator:
        try:
            control_protocol.send(emulator, control, message, descriptors)
            return wait and emulator.recv(1) == DONE
        except OSError:
            return False  # it cannot be helped, and need not: the program is started the usual way


class _Forked:
    """A program that a warm interpreter runs; as much of ``subprocess.Popen`` as is asked of it here."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._code: int | None = None

    def poll(self) -> int | None:
        return self._code

    def send_signal(self, number: int) -> None:
        with contextlib.suppress(OSError):  # it has just ended
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
def handed_over(listener: int, control: Path) -> Iterator[None]:
    """Have the emulator serve on the listening socket, which is closed here, until the context ends."""
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
    """A signal to us is for the program, also one that comes before it runs; Ctrl-C reaches both from the terminal."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | _Forked | None = None
        self._early: list[int] = []

    def __enter__(self) -> _Signals:
        self._before = {number: signal.signal(number, self._forward) for number in (signal.SIGTERM, signal.SIGHUP)}
        # A handler, not SIG_IGN: that would be inherited, and the program could not be interrupted.
        self._before[signal.SIGINT] = signal.signal(signal.SIGINT, lambda *_: None)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def send_to(self, process: subprocess.Popen[bytes] | _Forked) -> None:
        """From now on; and what came before."""
        self._process = process
        while self._early:
            process.send_signal(self._early.pop(0))

    def _forward(self, number: int, _: FrameType | None) -> None:
        if self._process is None:
            self._early.append(number)
        elif self._process.poll() is None:
            self._process.send_signal(number)
