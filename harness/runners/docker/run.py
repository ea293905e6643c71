"""One container run, from start to outcome: one thread reads its output, another enforces time limits."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from harness.runners.docker.engine import DockerEngine
from harness.runners.docker.errors import EngineRefusal, refusal_of_init
from harness.runners.docker.launch import Output
from harness.runners.spec import Cause, Outcome, OutputSink, RunSpec

_BEGINNING_BYTES = 4096
_LAST_RESORT = 15.0
"""Seconds that a killed container may take to end before its run ends without it."""

_log = logging.getLogger(__name__)


@dataclass
class StartedContainer:
    """A running container. ``stream`` carries its output; ``address`` is its IP address, for servers."""

    id: str
    stream: Output
    image: str
    address: str
    clean_up: Callable[[], None]
    """Function to call after the end: it gives the files to the user and removes the container."""


Begin = Callable[["DockerRun"], StartedContainer]


class DockerRun:
    """A ``Run`` of the Docker runner. ``begin`` starts the container; ``end`` is called after everything is removed."""

    def __init__(
        self, spec: RunSpec, sink: OutputSink, engine: DockerEngine, begin: Begin, end: Callable[[DockerRun], None]
    ) -> None:
        self.spec = spec
        self._sink = sink
        self._engine = engine
        self._begin = begin
        self._end = end
        self._outcome: Outcome | None = None
        self._done = threading.Event()
        self._change = threading.Condition()
        self._started: StartedContainer | None = None
        self._ended = False
        self._cause = Cause.EXITED
        self._limit: float | None = None
        self._ask = False
        """True until a requested SIGTERM is sent."""
        self._kill_at: float | None = None
        self._give_up_at: float | None = None
        self._sink_failed = False
        self._beginning = b""
        """The beginning of the output, which contains the error message if the program does not exist."""

    def start(self) -> DockerRun:
        threading.Thread(target=self._run, name=f"job-{self.spec.name}", daemon=True).start()
        return self

    def wait(self, timeout: float | None = None) -> Outcome | None:
        self._done.wait(timeout)
        return self._outcome

    def stop(self, grace: float | None = None) -> None:
        with self._change:
            self._stop(Cause.STOPPED, self.spec.grace if grace is None else grace)

    def kill(self) -> None:
        with self._change:
            self._stop(Cause.STOPPED, 0.0)

    def pids(self) -> tuple[int, ...]:
        started = self._started
        if started is None:
            return ()
        try:
            listed = self._engine.client.top(started.id, "-eo pid,comm")["Processes"] or []
        except Exception:  # the container has ended
            return ()
        return tuple(int(pid) for pid, command, *_ in listed if command != "docker-init")

    def socket(self) -> tuple[socket.socket, tuple[str, int]]:
        started = self._started
        if started is None or not started.address:
            raise ConnectionError(f"{self.spec.name} is not running")
        port = int(self.spec.env.get("SAGEMAKER_BIND_TO_PORT", "8080"))
        return socket.socket(socket.AF_INET, socket.SOCK_STREAM), (started.address, port)

    def tell(self, line: str) -> None:
        """Add a line of the runner's own to the program's output."""
        self._deliver(line.encode() + b"\n")

    @property
    def stopping(self) -> bool:
        return self._cause is not Cause.EXITED

    def _stop(self, cause: Cause, grace: float) -> None:
        if self._cause is Cause.EXITED:
            self._cause = cause
            self._ask = True
        firm = time.monotonic() + grace
        self._kill_at = firm if self._kill_at is None else min(firm, self._kill_at)
        self._change.notify_all()

    def _run(self) -> None:
        begun = time.time()
        outcome = Outcome(Cause.NOT_STARTED, 125, begun, begun, "the runner failed; the emulator's log has the details")
        try:
            outcome = self._run_container(begun)
        except EngineRefusal as refusal:
            outcome = Outcome(Cause.NOT_STARTED, refusal.code, begun, time.time(), str(refusal))
            if self.stopping:
                outcome = Outcome(self._cause, 143, begun, time.time())
        except Exception:  # callers of ``wait`` must get an outcome
            _log.exception("running %s failed", self.spec.name)
        self._outcome = outcome
        self._done.set()
        self._end(self)

    def _run_container(self, begun: float) -> Outcome:
        if self.stopping:
            return Outcome(self._cause, 143, begun, time.time())
        started = self._begin(self)
        begun = time.time()
        try:
            with self._change:
                self._started = started
                self._limit = None if self.spec.time_limit is None else time.monotonic() + self.spec.time_limit
            threading.Thread(target=self._keep_time, name=f"time-{self.spec.name}", daemon=True).start()
            self._beginning = b""  # drop the runner's own lines
            self._read(started.stream)
            code = self._code(started)
            if code in (126, 127) and (refusal := refusal_of_init(self._beginning, started.image)):
                raise refusal
            return Outcome(self._cause, code, begun, time.time())
        finally:
            with self._change:
                self._started = None
                self._ended = True
                self._change.notify_all()
            started.stream.close()
            started.clean_up()

    def _read(self, stream: Output) -> None:
        try:
            for chunk in stream.chunks():
                self._deliver(chunk)
        except OSError as error:
            _log.warning("the output of %s broke off: %s", self.spec.name, error)

    def _deliver(self, chunk: bytes) -> None:
        if len(self._beginning) < _BEGINNING_BYTES:
            self._beginning += chunk[:_BEGINNING_BYTES]
        try:
            self._sink(chunk)
        except Exception:  # an error of the receiver must not affect the program
            if not self._sink_failed:
                _log.exception("a receiver of job output failed; the output goes on without it")
            self._sink_failed = True

    def _code(self, started: StartedContainer) -> int:
        """Wait for the exit code. A program may close its output and go on, so only the engine knows its end."""
        while True:
            try:
                code = int(self._engine.client.wait(started.id, timeout=2.0)["StatusCode"])
            except Exception as error:
                if _is_timeout(error) and not self._has_given_up():
                    continue
                self.tell(f"[harness] Docker Engine did not return the exit code of the program: {error}")
                return 137
            if code == 137 and self._cause is Cause.EXITED:
                self._explain_kill(started)
            return code

    def _has_given_up(self) -> bool:
        with self._change:
            return self._give_up_at is not None and time.monotonic() > self._give_up_at

    def _explain_kill(self, started: StartedContainer) -> None:
        with contextlib.suppress(Exception):
            if self._engine.client.inspect_container(started.id)["State"]["OOMKilled"]:
                self.tell("[harness] the program was killed: it needed more memory than it has")

    def _keep_time(self) -> None:
        while True:
            with self._change:
                if self._ended:
                    return
                now = time.monotonic()
                if self._limit is not None and now >= self._limit:
                    self._limit = None
                    self._stop(Cause.TIME_LIMIT, self.spec.grace)
                started, term = self._started, self._ask
                kill = self._kill_at is not None and now >= self._kill_at
                give_up = self._give_up_at is not None and now >= self._give_up_at
                self._ask = False
                if kill:
                    self._kill_at = None
                    self._give_up_at = self._give_up_at or now + _LAST_RESORT
                due = [moment for moment in (self._limit, self._kill_at, self._give_up_at) if moment is not None]
                if not (term or kill or give_up):
                    self._change.wait(max(0.0, min(due) - now) if due else None)
                    continue
            if started is not None:
                self._send(started, "SIGKILL" if kill or give_up else "SIGTERM")
                if give_up:
                    started.stream.end()
                    return

    def _send(self, started: StartedContainer, signal: str) -> None:
        try:
            self._engine.client.kill(started.id, signal)
        except Exception as error:  # it has probably ended; if not, the last resort applies
            _log.debug("%s to %s: %s", signal, self.spec.name, error)


def _is_timeout(error: Exception) -> bool:
    import requests

    return isinstance(error, requests.exceptions.Timeout) or "timed out" in str(error).lower()
