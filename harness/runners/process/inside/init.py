"""The init process of a job: it starts the program, carries out the emulator's commands and reaps processes.

When it ends, all processes of the job end: with a PID namespace the kernel ensures that; without one, this process
adopts and kills them. It also ends when the emulator ends, which closes the socket.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import time
from collections.abc import Callable
from typing import Any

from . import messages, network, processes, program

_PATIENCE = 5.0


def run(request: dict[str, Any], channel: socket.socket, granted: list[str]) -> Callable[[], None] | None:
    """Run the init process. Return only in the program's own process (see ``program.prepare``)."""
    descriptors = []
    if "network" in granted and request["listen"]:
        door = network.listen(request["listen"])
        descriptors.append(door.detach())
    messages.send(channel, {"event": "surrounded", "granted": granted}, descriptors)
    for descriptor in descriptors:
        os.close(descriptor)
    wakeup = _wake_on_children()
    go_reader, go_writer = os.pipe()
    report_reader, report_writer = os.pipe()
    main = os.fork()
    if main == 0:
        for descriptor in (go_writer, report_reader, *wakeup):
            os.close(descriptor)
        return program.prepare(request, channel, go_reader, report_writer)
    os.close(go_reader)
    os.close(report_writer)
    _Init(request, channel, "pid" in granted, main, go_writer).attend(wakeup[0], report_reader)
    os._exit(0)


def _wake_on_children() -> tuple[int, int]:
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    os.set_blocking(writer, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    for ignored in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(ignored, signal.SIG_IGN)
    return reader, writer


class _Init:
    def __init__(self, request: dict[str, Any], channel: socket.socket, contained: bool, main: int, go: int) -> None:
        self.request = request
        self.channel = channel
        self.contained = contained
        self.main = main
        self.go = go
        self.code: int | None = None

    def attend(self, wakeup: int, report: int) -> None:
        poll = select.poll()
        for descriptor in (self.channel.fileno(), wakeup) + ((report,) if self.request["wrapped"] else ()):
            poll.register(descriptor, select.POLLIN)
        while self.code is None:
            ready = dict(poll.poll())
            if report in ready:
                poll.unregister(report)
                self._hear(report)
            if wakeup in ready:
                _drain(wakeup)
                self._reap()
            if self.channel.fileno() in ready and not self._obey():
                break
        ended = time.time()
        self._end_all()
        if self.code is not None:
            try:
                messages.send(self.channel, {"event": "exited", "code": self.code, "time": ended})
            except OSError:
                pass  # the emulator has ended

    def _hear(self, report: int) -> None:
        words = os.read(report, 16).split()
        if words:  # otherwise the shell was killed, and the exit of the wrapper is reported
            self.code = int(words[0])

    def _obey(self) -> bool:
        message = messages.receive(self.channel)
        if message is None:
            return False
        ask = message.body["ask"]
        if ask == "go":
            os.write(self.go, b"g")
            os.close(self.go)
        elif ask == "signal":
            self._signal(message.body["signal"])
        elif ask == "kill":
            self._end_all()
        elif ask == "socket":
            with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as made:
                messages.send(self.channel, {"event": "socket"}, [made.fileno()])
        return True

    def _signal(self, number: int) -> None:
        targets = [self.main]
        if self.request["wrapped"]:  # proot does not forward signals to the program
            targets = [pid for shell in processes.children(self.main) for pid in processes.children(shell)]
        for target in targets:
            try:
                os.kill(target, number)
            except ProcessLookupError:
                pass

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid == self.main and self.code is None:
                self.code = _code(status)

    def _end_all(self) -> None:
        """Kill all other processes, repeatedly, because they may fork meanwhile."""
        until = time.monotonic() + _PATIENCE
        while time.monotonic() < until:
            if self.contained:
                try:
                    os.kill(-1, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            else:
                processes.kill_descendants(os.getpid())
            self._reap()
            try:
                if os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                    time.sleep(0.002)
            except ChildProcessError:
                return


def _drain(descriptor: int) -> None:
    try:
        while os.read(descriptor, 512):
            pass
    except BlockingIOError:
        pass


def _code(status: int) -> int:
    """Return the exit code as a container reports it: 128 + signal for a killed program."""
    return 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
