"""One program run, from start to outcome: a thread reads its output, waits for its end and enforces time limits."""

from __future__ import annotations

import contextlib
import logging
import os
import select
import socket
import threading
import time
from collections.abc import Callable

from harness.runners.process.errors import NotStarted
from harness.runners.process.inside import messages
from harness.runners.process.output import Drain
from harness.runners.process.process_handle import ProcessHandle
from harness.runners.spec import Cause, Outcome, OutputSink, RunSpec

_CHUNK = 1 << 16
_LAST_RESORT = 3.0
"""Seconds after which a job is killed from outside if its init does not carry out a kill."""
_PIPE_SECONDS = 1.0
"""Seconds to wait for more output from processes that survived their init."""

Adopt = Callable[[socket.socket], Callable[[], None]]
Begin = Callable[["ProcessRun"], tuple[ProcessHandle, Callable[[], None], int]]

_log = logging.getLogger(__name__)


class ProcessRun:
    """A ``Run`` of the process runner.

    ``begin`` prepares the program; it returns its handle, a function to call after its end, and the port of a server.
    """

    def __init__(self, spec: RunSpec, sink: OutputSink, begin: Begin, end: Callable[[ProcessRun], None]) -> None:
        self.spec = spec
        self._begin = begin
        self._end = end
        self._outcome: Outcome | None = None
        self._done = threading.Event()
        self._lock = threading.Lock()
        self._started: ProcessHandle | None = None
        self._port = 0
        self._cause = Cause.EXITED
        self._kill_at: float | None = None
        self._kill_from_outside_at: float | None = None
        self._wake_reader, self._wake_writer = os.pipe()
        os.set_blocking(self._wake_reader, False)
        os.set_blocking(self._wake_writer, False)
        self._drain = Drain(sink, self._wake)
        self._thread = threading.Thread(target=self._run, name=f"job-{spec.name}", daemon=True)

    def start(self) -> ProcessRun:
        self._thread.start()
        return self

    def wait(self, timeout: float | None = None) -> Outcome | None:
        self._done.wait(timeout)
        return self._outcome

    def stop(self, grace: float | None = None) -> None:
        self._stop(Cause.STOPPED, self.spec.grace if grace is None else grace)

    def kill(self) -> None:
        with self._lock:
            self._cause = Cause.STOPPED if self._cause is Cause.EXITED else self._cause
            self._kill()
        self._wake()

    def pids(self) -> tuple[int, ...]:
        with self._lock:
            return self._started.pids() if self._started else ()

    def socket(self) -> tuple[socket.socket, tuple[str, int]]:
        with self._lock:
            started = self._started
        if started is None:
            raise ConnectionError(f"{self.spec.name} is not running")
        if "network" in started.granted:
            return started.request_socket(), ("127.0.0.1", self._port)
        return socket.socket(socket.AF_INET, socket.SOCK_STREAM), ("127.0.0.1", self._port)

    def tell(self, line: str) -> None:
        """Add a line of the runner's own to the program's output, before it starts."""
        self._drain.put(line.encode() + b"\n")

    @property
    def stopping(self) -> bool:
        return self._cause is not Cause.EXITED

    def _stop(self, cause: Cause, grace: float) -> None:
        with self._lock:
            if self._cause is Cause.EXITED:
                self._cause = cause
                if self._started:
                    self._started.ask("signal", signal=15)
            firm = time.monotonic() + grace
            self._kill_at = firm if self._kill_at is None else min(firm, self._kill_at)
        self._wake()

    def _kill(self) -> None:
        self._kill_at = None
        if self._started:
            self._started.ask("kill")
            if self._kill_from_outside_at is None:
                self._kill_from_outside_at = time.monotonic() + _LAST_RESORT

    def _run(self) -> None:
        begun = time.time()
        outcome = Outcome(Cause.NOT_STARTED, 125, begun, begun, "the runner failed; the emulator's log has the details")
        try:
            outcome = self._run_program(begun)
        except NotStarted as error:
            outcome = Outcome(Cause.NOT_STARTED, error.code, begun, time.time(), str(error))
        except Exception:  # callers of ``wait`` must get an outcome
            _log.exception("running %s failed", self.spec.name)
        self._drain.close()
        with self._lock:
            self._outcome = outcome
            self._done.set()
            os.close(self._wake_reader)
            os.close(self._wake_writer)
            self._wake_reader = self._wake_writer = -1
        self._end(self)

    def _run_program(self, begun: float) -> Outcome:
        started, clean_up, port = self._begin(self)
        try:
            with self._lock:
                if self.stopping:
                    return Outcome(self._cause, 143, begun, time.time())
                self._started, self._port = started, port
                moment = time.time()
                started.ask("go")
            return self._supervise(started, moment)
        finally:
            with self._lock:
                self._started = None
            started.close()
            clean_up()

    def _supervise(self, started: ProcessHandle, begun: float) -> Outcome:
        limit = None if self.spec.time_limit is None else time.monotonic() + self.spec.time_limit
        code, ended, refusal = 137, 0.0, None
        control_open = output_open = True
        until: float | None = None
        while control_open or output_open:
            if not control_open:
                until = until or time.monotonic() + _PIPE_SECONDS
                if time.monotonic() >= until:
                    break  # a process that escaped still has the pipe open; do not wait for it
            deadlines = [
                moment for moment in (limit, self._kill_at, self._kill_from_outside_at, until) if moment is not None
            ]
            ready = self._poll(started, control_open, output_open, deadlines)
            if started.output in ready:
                output_open = self._read(started.output)
            if started.control.fileno() in ready:
                message = messages.receive(started.control)
                if message is None:
                    control_open = False
                    ended = ended or time.time()
                elif message.body["event"] == "exited":
                    code, ended = message.body["code"], message.body["time"]
                elif message.body["event"] == "refused":
                    refusal = NotStarted(message.body["why"], message.body["code"])
                elif message.body["event"] == "socket":
                    started.deliver_socket(message.descriptors[0])
            limit = self._keep_time(started, limit)
        if refusal:
            raise refusal
        return Outcome(self._cause, code, begun, ended)

    def _poll(self, started: ProcessHandle, control: bool, output: bool, deadlines: list[float]) -> set[int]:
        poll = select.poll()
        poll.register(self._wake_reader, select.POLLIN)
        if control:
            poll.register(started.control, select.POLLIN)
        if output and self._drain.has_room():
            poll.register(started.output, select.POLLIN)
        elif output:
            deadlines = [*deadlines, time.monotonic() + 1]  # check again whether the receiver is stuck
        timeout = max(0.0, min(deadlines) - time.monotonic()) * 1000 + 1 if deadlines else None
        ready = {descriptor for descriptor, _ in poll.poll(timeout)}
        if self._wake_reader in ready:
            os.read(self._wake_reader, 4096)
        return ready

    def _read(self, output: int) -> bool:
        chunk = os.read(output, _CHUNK)
        if chunk:
            self._drain.put(chunk)
        return bool(chunk)

    def _keep_time(self, started: ProcessHandle, limit: float | None) -> float | None:
        now = time.monotonic()
        if limit is not None and now >= limit:
            self._stop(Cause.TIME_LIMIT, self.spec.grace)
            limit = None
        with self._lock:
            if self._kill_at is not None and now >= self._kill_at:
                self._kill()
            if self._kill_from_outside_at is not None and now >= self._kill_from_outside_at:
                self._kill_from_outside_at = now + _LAST_RESORT
                started.kill_from_outside()
        return limit

    def _wake(self) -> None:
        with self._lock:
            if self._wake_writer < 0:
                return
            with contextlib.suppress(BlockingIOError):  # the pipe is full, so the thread wakes up anyway
                os.write(self._wake_writer, b"w")
