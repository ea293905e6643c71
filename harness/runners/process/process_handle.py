"""The handle of one program: its control socket, output and process ids, after a warm or a cold start."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from harness.runners.process.errors import NotStarted
from harness.runners.process.host import INSIDE
from harness.runners.process.inside import messages, processes

COLD_SECONDS = 60.0
WARM_SECONDS = 2.0
_SOCKET_SECONDS = 5.0


class ReadinessTimeout(Exception):
    """The program was not ready to start in time."""


class ProcessHandle:
    """A prepared or running program. ``control`` is the socket to the job's init, ``output`` a pipe of its output."""

    def __init__(
        self, control: socket.socket, output: int, attendant: int, child: subprocess.Popen[bytes] | None
    ) -> None:
        self.control = control
        self.output = output
        self.listener: socket.socket | None = None
        self.granted: frozenset[str] = frozenset()
        self.init = 0
        self.program = 0
        self.wrapped = False
        """True if ``program`` is proot, which runs a shell, which runs the program."""
        self._attendant = (attendant, processes.start_time(attendant))
        self._child = child
        """The helper process of a cold start, which must be reaped here."""
        self._sockets: queue.SimpleQueue[socket.socket | None] = queue.SimpleQueue()

    def await_readiness(self, seconds: float) -> None:
        """Wait until the program can be started. Raise ``ReadinessTimeout`` or ``NotStarted`` if that fails."""
        until = time.monotonic() + seconds
        while not self.program:
            self.control.settimeout(max(0.001, until - time.monotonic()))
            try:
                message = messages.receive(self.control)
            except TimeoutError as error:
                raise ReadinessTimeout from error
            if message is None:
                raise NotStarted(f"the program's init process ended: {self._last_output()}")
            self._note(message)
        self.control.settimeout(None)

    def _note(self, message: messages.Message) -> None:
        event = message.body["event"]
        if event == "refused":
            raise NotStarted(message.body["why"], message.body.get("code", 125))
        if event == "surrounded":
            self.init = message.sender
            self.granted = frozenset(message.body["granted"])
            if message.descriptors:
                self.listener = socket.socket(fileno=message.descriptors[0])
        elif event == "prepared":
            self.program = message.sender

    def ask(self, what: str, **more: int) -> None:
        with contextlib.suppress(OSError):  # the program has ended
            messages.send(self.control, {"ask": what, **more})

    def request_socket(self) -> socket.socket:
        """Request a socket in the program's network; ``deliver_socket`` must be called with the answer."""
        self.ask("socket")
        try:
            made = self._sockets.get(timeout=_SOCKET_SECONDS)
        except queue.Empty:
            raise ConnectionError("the program's init process does not answer") from None
        if made is None:
            self._sockets.put(None)  # for other waiting threads
            raise ConnectionError("the program has ended")
        return made

    def deliver_socket(self, descriptor: int) -> None:
        self._sockets.put(socket.socket(fileno=descriptor))

    def pids(self) -> tuple[int, ...]:
        if not self.init:
            return ()
        pids = processes.descendants(self.init)
        if self.wrapped:
            attendants = {self.program, *processes.children(self.program)}
            return tuple(pid for pid in pids if pid not in attendants)
        return tuple(sorted(pids, key=lambda pid: (pid != self.program, pid)))

    def kill_from_outside(self) -> None:
        """Kill the program and its helpers when its init does not react."""
        pid, start = self._attendant
        if start and processes.start_time(pid) == start:
            processes.kill_descendants(pid)
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def close(self) -> None:
        """Close the sockets, which ends every process that is still running."""
        self.control.close()
        if self.output >= 0:
            os.close(self.output)
            self.output = -1
        if self.listener is not None:
            self.listener.close()
        self._sockets.put(None)
        if self._child is not None:
            try:
                self._child.wait(5)
            except subprocess.TimeoutExpired:
                self._child.kill()
                self._child.wait()

    def _last_output(self) -> str:
        os.set_blocking(self.output, False)
        with contextlib.suppress(BlockingIOError):
            return os.read(self.output, 65536).decode(errors="replace").strip()[-1000:] or "without output"
        return "without output"


def start_cold(request: Path) -> ProcessHandle:
    def begin(control: socket.socket, output: int) -> tuple[int, subprocess.Popen[bytes] | None]:
        child = _launch(request, control, output)
        return child.pid, child

    return _start(begin)


def start_warm(fork: Callable[[Path, socket.socket, int], int], request: Path) -> ProcessHandle:
    """Start a program from a warm parent: ``fork`` forks a helper process and returns its process id."""
    return _start(lambda control, output: (fork(request, control, output), None))


def _start(begin: Callable[[socket.socket, int], tuple[int, subprocess.Popen[bytes] | None]]) -> ProcessHandle:
    ours, theirs = messages.pair()
    reader, writer = os.pipe()
    try:
        attendant, child = begin(theirs, writer)
    except BaseException:
        ours.close()
        os.close(reader)
        raise
    finally:
        theirs.close()
        os.close(writer)
    os.set_blocking(reader, False)
    return ProcessHandle(ours, reader, attendant, child)


def _launch(request: Path, control: socket.socket, output: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-I", "-S", str(INSIDE), "launch", str(request), str(control.fileno())],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        pass_fds=(control.fileno(),),
        cwd="/",
        env={"PATH": os.defpath, "LANG": "C.UTF-8"},
    )
