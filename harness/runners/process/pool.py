"""Warm parents: one process per interpreter and set of modules, which imported them and forks a child per job."""

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
_WORTH_SHARING = 2
"""Modules in common: a child of a small parent is forked faster than one of a large parent."""
_READ_AT_IMPORT = ("BLIS_", "GOMP_", "KMP_", "LANG", "LC_", "LD_", "MALLOC_", "MKL_", "NUMEXPR_", "OMP_", "OPENBLAS_")
_READ_AT_START = ("PYTHON", "TZ")


class NoWarmParent(Exception):
    """There is none, or it does not answer: start cold."""


@dataclass(frozen=True)
class Kind:
    """What has to be equal for two jobs to share a parent: also the variables that are read while importing."""

    python: Path
    modules: tuple[str, ...]
    variables: frozenset[tuple[str, str]] = frozenset()
    packages: int = 0
    """When packages were last installed or removed there, for parents that live on after that."""

    @classmethod
    def of(cls, python: Path, modules: tuple[str, ...], env: Mapping[str, str]) -> Kind:
        read = {(name, value) for name, value in env.items() if name.startswith(_READ_AT_IMPORT + _READ_AT_START)}
        return cls(python, modules, frozenset(read - {("LANG", "C.UTF-8")}))

    def shared_with(self, other: Kind) -> int:
        """How many modules a parent of this kind has imported for one of the other, which may then be its fork."""
        same = (self.python, self.variables, self.packages) == (other.python, other.variables, other.packages)
        return len(set(self.modules) & set(other.modules)) if same else 0


class _Fork:
    """A process forked by one of ours; as much of ``subprocess.Popen`` as is asked of a parent's process."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._end = os.pidfd_open(pid)

    def poll(self) -> int | None:
        return 0 if self._ended(0.0) else None

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._end, signal.SIGKILL)

    def wait(self) -> int:
        self._ended(None)
        return 0

    def _ended(self, seconds: float | None) -> bool:
        return bool(select.select([self._end], [], [], seconds)[0])

    def __del__(self) -> None:
        os.close(self._end)


class _Parent:
    """One zygote, forked from ``base`` where there is one. ``ready`` is set when it has imported, or could not."""

    def __init__(self, kind: Kind, base: _Parent | None = None) -> None:
        self.kind = kind
        self.ready = threading.Event()
        self.problem = ""
        self.silences = 0
        self.used = time.monotonic()
        self._lock = threading.Lock()
        self._channel, theirs = messages.pair()
        with theirs:
            self.process = (base and base.fork_parent(kind, theirs)) or _spawned(kind, theirs)
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
        """A child for the job that the file describes; its attendant's process id."""
        return self.hand_over({"request": str(request)}, [control.fileno(), output])

    def hand_over(self, asked: Mapping[str, str | Sequence[str]], descriptors: list[int]) -> int:
        with self._lock:
            self.used = time.monotonic()
            try:
                self._channel.settimeout(_FORK_SECONDS)
                messages.send(self._channel, dict(asked), descriptors)
                answer = messages.receive(self._channel)
            except OSError as error:
                raise NoWarmParent(str(error)) from error
            if answer is None:
                raise NoWarmParent("it ended")
            return int(answer.body["pid"])

    def fork_parent(self, kind: Kind, channel: socket.socket) -> _Fork | None:
        """Another parent, which has to import only what this one has not; None when this one does not answer."""
        try:
            pid = self.hand_over({"modules": kind.modules}, [channel.fileno()])
            return _Fork(pid)
        except (NoWarmParent, OSError):
            return None

    def close(self) -> None:
        """Closing its socket ends it; its children have sockets of their own."""
        with contextlib.suppress(OSError):
            self._channel.shutdown(socket.SHUT_RDWR)
        self.process.kill()
        self.process.wait()
        self.ready.wait()
        self._channel.close()


def _spawned(kind: Kind, channel: socket.socket) -> subprocess.Popen[bytes]:
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
    """At most ``limit`` parents; one that was not used for ``idle_seconds`` ends. Thread-safe."""

    def __init__(self, limit: int = 4, idle_seconds: float = 1800.0) -> None:
        self._limit = limit
        self._idle = idle_seconds
        self._parents: dict[Kind, _Parent] = {}
        self._failed: dict[Kind, str] = {}
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._keeper: threading.Thread | None = None

    def warm(self, kind: Kind) -> _Parent:
        """The parent, ready to fork; waits for its imports. A job imports the same, so waiting costs it nothing."""
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
        """The parent, if one stands ready now."""
        with self._lock:
            parent = self._parents.get(kind)
        usable = parent and parent.ready.is_set() and not parent.problem and parent.process.poll() is None
        return parent if usable else None

    def judge(self, parent: _Parent, answered: bool) -> None:
        """Whether its child came to stand ready. Once may be a busy machine; twice in a row is the modules' doing."""
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
            made = self._parents[kind] = _Parent(kind, self._base(kind))
        except OSError as error:
            raise NoWarmParent(str(error)) from error
        return made

    def _base(self, kind: Kind) -> _Parent | None:
        """The parent that stands ready and has imported most of what this kind needs."""
        ready = [each for each in self._parents.values() if each.ready.is_set() and not each.problem]
        best = max(ready, key=lambda each: each.kind.shared_with(kind), default=None)
        return best if best and best.kind.shared_with(kind) >= _WORTH_SHARING else None

    def _keep(self) -> None:
        while not self._closed.wait(min(30.0, self._idle)):
            with self._lock:
                old = time.monotonic() - self._idle
                idle = [parent for parent in self._parents.values() if parent.used < old]
            for parent in idle:
                self.discard(parent)


def _megabytes(pid: int) -> int:
    """Resident memory; children share most of it."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE") >> 20
