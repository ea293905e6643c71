"""Warm parents: processes that have imported a set of modules and fork a child for each job."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.runners.process.host import INSIDE
from harness.runners.process.inside import messages

_IMPORT_SECONDS = 60.0
_FORK_SECONDS = 2.0
_SILENCES = 2
_LEAST_SHARED = 2
"""The least number of common modules to fork a new parent from an existing one: forking a large parent is slower."""
_READ_AT_IMPORT = ("BLIS_", "GOMP_", "KMP_", "LANG", "LC_", "LD_", "MALLOC_", "MKL_", "NUMEXPR_", "OMP_", "OPENBLAS_")
_READ_AT_START = ("PYTHON", "TZ")


class NoWarmParent(Exception):
    """There is no warm parent, or it does not answer, so the program must be started cold."""


@dataclass(frozen=True)
class Kind:
    """The properties that two jobs must share to use one parent, with the variables that modules read on import."""

    python: Path
    modules: tuple[str, ...]
    variables: frozenset[tuple[str, str]] = frozenset()
    packages: int = 0
    """The time packages were last installed or removed, so that no parent with old packages is used."""

    @classmethod
    def of(cls, python: Path, modules: tuple[str, ...], env: Mapping[str, str]) -> Kind:
        read = {(name, value) for name, value in env.items() if name.startswith(_READ_AT_IMPORT + _READ_AT_START)}
        return cls(python, modules, frozenset(read - {("LANG", "C.UTF-8")}))

    def shared_with(self, other: Kind) -> int:
        """Return how many modules a parent of the other kind could take over from a parent of this kind."""
        same = (self.python, self.variables, self.packages) == (other.python, other.variables, other.packages)
        return len(set(self.modules) & set(other.modules)) if same else 0


class _ForkedProcess:
    """A process forked by a warm parent, with the methods of ``subprocess.Popen`` that the pool uses."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._end = os.pidfd_open(pid)

    def poll(self) -> int | None:
        return 0 if self._wait_for_end(0.0) else None

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._end, signal.SIGKILL)

    def wait(self) -> int:
        self._wait_for_end(None)
        return 0

    def _wait_for_end(self, seconds: float | None) -> bool:
        return bool(select.select([self._end], [], [], seconds)[0])

    def __del__(self) -> None:
        os.close(self._end)


class _Parent:
    """A warm parent, forked from ``base`` if given. ``ready`` is set when its imports have succeeded or failed."""

    def __init__(self, kind: Kind, base: _Parent | None = None) -> None:
        self.kind = kind
        self.ready = threading.Event()
        self.problem = ""
        self.silences = 0
        self.used = time.monotonic()
        self._lock = threading.Lock()
        self._channel, theirs = messages.pair()
        with theirs:
            self.process = (base and base.fork_parent(kind, theirs)) or _spawn(kind, theirs)
        threading.Thread(target=self._await_imports, name="warm-parent", daemon=True).start()

    def _await_imports(self) -> None:
        self._channel.settimeout(_IMPORT_SECONDS)
        try:
            message = messages.receive(self._channel)
            if message is None:
                self.problem = "it ended while importing"
            elif message.body["event"] != "ready":
                self.problem = message.body["why"]
        except OSError as error:
            self.problem = str(error)
        self.ready.set()

    def fork(self, request: Path, control: socket.socket, output: int) -> int:
        """Fork a child for the job in the request file; return the process id of its helper process."""
        return self.hand_over({"request": str(request)}, [control.fileno(), output])

    def hand_over(self, body: Mapping[str, str | Sequence[str]], descriptors: list[int]) -> int:
        with self._lock:
            self.used = time.monotonic()
            try:
                self._channel.settimeout(_FORK_SECONDS)
                messages.send(self._channel, dict(body), descriptors)
                answer = messages.receive(self._channel)
            except OSError as error:
                raise NoWarmParent(str(error)) from error
            if answer is None:
                raise NoWarmParent("it ended")
            return int(answer.body["pid"])

    def fork_parent(self, kind: Kind, channel: socket.socket) -> _ForkedProcess | None:
        """Fork another parent, which imports only the missing modules; return None if this one does not answer."""
        try:
            pid = self.hand_over({"modules": kind.modules}, [channel.fileno()])
            return _ForkedProcess(pid)
        except (NoWarmParent, OSError):
            return None

    def close(self) -> None:
        """End the parent by closing its socket; its children have their own sockets."""
        with contextlib.suppress(OSError):
            self._channel.shutdown(socket.SHUT_RDWR)
        self.process.kill()
        self.process.wait()
        self.ready.wait()
        self._channel.close()


def _spawn(kind: Kind, channel: socket.socket) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [str(kind.python), str(INSIDE), "zygote", str(channel.fileno()), *kind.modules],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=(channel.fileno(),),
        cwd="/",
        env={"PATH": os.defpath, "HOME": "/nonexistent", "LANG": "C.UTF-8", **dict(kind.variables)},
    )


class WarmPool:
    """A pool of at most ``limit`` parents; a parent ends after ``idle_seconds`` without use. Thread-safe."""

    def __init__(self, limit: int = 4, idle_seconds: float = 1800.0) -> None:
        self._limit = limit
        self._idle = idle_seconds
        self._parents: dict[Kind, _Parent] = {}
        self._failed: dict[Kind, str] = {}
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._keeper: threading.Thread | None = None

    def warm(self, kind: Kind) -> _Parent:
        """Return a parent that is ready to fork. Waiting for its imports costs nothing: a cold job imports the same."""
        with self._lock:
            if kind in self._failed:
                raise NoWarmParent(self._failed[kind])
            parent = self._parents.get(kind)
            if parent is None or parent.process.poll() is not None:
                parent = self._add(kind)
            parent.used = time.monotonic()
        parent.ready.wait()
        if parent.problem:
            self._give_up(parent, parent.problem)
            raise NoWarmParent(parent.problem)
        return parent

    def ready(self, kind: Kind) -> _Parent | None:
        """Return a parent if one is ready now."""
        with self._lock:
            parent = self._parents.get(kind)
        usable = parent and parent.ready.is_set() and not parent.problem and parent.process.poll() is None
        return parent if usable else None

    def record_outcome(self, parent: _Parent, answered: bool) -> None:
        """Record whether a child became ready in time.

        One failure may be a busy machine; two in a row mean that the modules do not survive a fork.
        """
        parent.silences = 0 if answered else parent.silences + 1
        if parent.silences >= _SILENCES:
            self._give_up(parent, "its children hang")

    def _give_up(self, parent: _Parent, problem: str) -> None:
        with self._lock:
            self._failed[parent.kind] = problem
        self.discard(parent)

    def discard(self, parent: _Parent) -> None:
        with self._lock:
            if self._parents.get(parent.kind) is parent:
                del self._parents[parent.kind]
        parent.close()

    def describe(self) -> str:
        with self._lock:
            shown = [
                f"{'+'.join(kind.modules)} (process {parent.process.pid}, {_megabytes(parent.process.pid)} MB)"
                for kind, parent in self._parents.items()
            ]
            shown += [f"{'+'.join(kind.modules)} always cold: {why}" for kind, why in self._failed.items()]
            count = len(self._parents)
        return f"{count} of at most {self._limit}" + (": " + ", ".join(shown) if shown else "")

    def pids(self) -> tuple[int, ...]:
        with self._lock:
            return tuple(parent.process.pid for parent in self._parents.values())

    def close(self) -> None:
        self._closed.set()
        with self._lock:
            parents, self._parents = list(self._parents.values()), {}
        for parent in parents:
            parent.close()

    def _add(self, kind: Kind) -> _Parent:
        if self._closed.is_set():
            raise NoWarmParent("the runner is closed")
        while len(self._parents) >= self._limit:
            self._parents.pop(min(self._parents.values(), key=lambda parent: parent.used).kind).close()
        if self._keeper is None:
            self._keeper = threading.Thread(target=self._keep, name="warm-pool", daemon=True)
            self._keeper.start()
        try:
            parent = self._parents[kind] = _Parent(kind, self._base(kind))
        except OSError as error:
            raise NoWarmParent(str(error)) from error
        return parent

    def _base(self, kind: Kind) -> _Parent | None:
        """Return the ready parent that has imported most of the modules of this kind."""
        ready = [each for each in self._parents.values() if each.ready.is_set() and not each.problem]
        best = max(ready, key=lambda each: each.kind.shared_with(kind), default=None)
        return best if best and best.kind.shared_with(kind) >= _LEAST_SHARED else None

    def _keep(self) -> None:
        while not self._closed.wait(min(30.0, self._idle)):
            with self._lock:
                old = time.monotonic() - self._idle
                idle = [parent for parent in self._parents.values() if parent.used < old]
            for parent in idle:
                self.discard(parent)


def _megabytes(pid: int) -> int:
    """Return the resident memory of a process; children share most of it."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE") >> 20
