"""Runs the user's own program with nothing but the emulator within its reach. Its files and identity stay its own."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import final

from harness.runners.process.errors import IsolationRefused
from harness.runners.process.host import INSIDE
from harness.runners.process.inside import messages

ADOPT = b"L"
"""What the emulator's control socket is told together with the listening socket; it lets go when we hang up."""


def run_offline(argv: Sequence[str], env: Mapping[str, str], port: int, adopt_path: Path) -> int:
    """The exit code, 128 + signal if it was killed. ``IsolationRefused`` when nothing was run because of the host.

    In its network ``127.0.0.1:port`` is the emulator, which listens to ``adopt_path``; there is nothing else.
    """
    ours, theirs = messages.pair()
    with ours, _Signals() as signals, contextlib.ExitStack() as stack:
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(INSIDE), "offline", str(port), str(theirs.fileno()), *argv],
                pass_fds=(theirs.fileno(),),
                env=dict(env),
            )
        try:
            stack.enter_context(_hand_over(_door(ours), adopt_path))
            messages.send(ours, {"ask": "go"})
        except BaseException:
            ours.close()
            process.wait()
            raise
        signals.send_to(process)
        code = process.wait()
        return 128 - code if code < 0 else code


def _door(channel: socket.socket) -> int:
    message = messages.receive(channel)
    if message is None:
        raise IsolationRefused("the program that enters the network namespace ended at once")
    if message.body["event"] == "refused":
        raise IsolationRefused(message.body["why"])
    return message.descriptors[0]


@contextlib.contextmanager
def _hand_over(door: int, adopt_path: Path) -> Iterator[None]:
    try:
        emulator = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with emulator:
            _connect(emulator, adopt_path)
            socket.send_fds(emulator, [ADOPT], [door])
            os.close(door)
            door = -1
            yield
    finally:
        if door >= 0:
            os.close(door)


def _connect(emulator: socket.socket, path: Path) -> None:
    # A unix address holds about a hundred bytes, a state folder may be deeper: go by its folder's descriptor.
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        emulator.connect(f"/proc/self/fd/{folder}/{path.name}")
    finally:
        os.close(folder)


@final
class _Signals:
    """A signal to us is for the program, also one that comes before it runs; Ctrl-C reaches both from the terminal."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._early: list[int] = []

    def __enter__(self) -> _Signals:
        self._before = {number: signal.signal(number, self._forward) for number in (signal.SIGTERM, signal.SIGHUP)}
        # A handler, not SIG_IGN: that would be inherited, and the program could not be interrupted.
        self._before[signal.SIGINT] = signal.signal(signal.SIGINT, lambda *_: None)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def send_to(self, process: subprocess.Popen[bytes]) -> None:
        """From now on; and what came before."""
        self._process = process
        while self._early:
            process.send_signal(self._early.pop(0))

    def _forward(self, number: int, _: FrameType | None) -> None:
        if self._process is None:
            self._early.append(number)
        elif self._process.poll() is None:
            self._process.send_signal(number)
