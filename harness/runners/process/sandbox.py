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
    with ours, contextlib.ExitStack() as stack:
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
        return _wait(process)


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


def _wait(process: subprocess.Popen[bytes]) -> int:
    """A signal to us is for the program; Ctrl-C reaches both from the terminal and only the program acts on it."""

    def forward(number: int, _: FrameType | None) -> None:
        if process.poll() is None:
            process.send_signal(number)

    before = {number: signal.signal(number, forward) for number in (signal.SIGTERM, signal.SIGHUP)}
    before[signal.SIGINT] = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        code = process.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return 128 - code if code < 0 else code
