"""What a runner is asked to run and what it answers: values, and the ``Runner`` and ``Run`` protocols."""

from __future__ import annotations

import enum
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class Environment:
    """A Python environment by its lock. ``lock`` None means the harness's own environment: nothing is installed.

    ``python`` is the version to build it on ("3.8"); environments are cached by the hash of lock and python.
    """

    name: str
    lock: Path | None = None
    python: str | None = None
    alternatives: tuple[Environment, ...] = ()
    """What runs instead, in this order, on a machine that has no such Python."""
    notice: str = ""
    """The line for the job's log when this environment runs as an alternative."""

    @property
    def candidates(self) -> tuple[Environment, ...]:
        return (self, *self.alternatives)


class Network(enum.Enum):
    """What a program may reach: the emulator and its own loopback, or only its own loopback."""

    EMULATOR = "emulator"
    ISOLATED = "isolated"


@dataclass(frozen=True)
class Resources:
    """What the machine that was asked for gives a container; 0 says that nothing is known or wanted."""

    machine: str = ""
    cpus: float = 0
    memory: int = 0
    """Bytes."""
    gpus: int = 0


@dataclass(frozen=True)
class Container:
    """An image of a container engine. ``entrypoint`` and ``arguments`` are the two overrides of ``docker run``; None
    keeps what the image has.
    """

    image: str
    entrypoint: tuple[str, ...] | None = None
    arguments: tuple[str, ...] | None = None
    resources: Resources = Resources()


@dataclass(frozen=True)
class RunSpec:
    """A program in a container-like surrounding.

    ``argv[0]`` is looked up on the program's PATH, which starts with the environment's ``bin``; ``python``/``python3``
    followed by a script file may be started warm (a parent that imported ``preload`` forks for it).
    ``root`` is the host folder the program sees as ``/opt/ml``; ``mounts`` are other host folders (or files) that it
    sees, writable, at absolute paths below that: path -> where it lies on the host. ``needs_absolute_root`` False says
    that it also follows ``SAGEMAKER_BASE_DIR``, so it may run where ``/opt/ml`` cannot be given.
    ``visible`` are host paths (program folders) readable at their own place. ``env`` is the whole environment but for
    PATH, HOME, HOSTNAME and TMPDIR, which the runner sets.
    """

    name: str
    argv: tuple[str, ...]
    environment: Environment
    root: Path
    env: Mapping[str, str] = field(default_factory=dict)
    mounts: Mapping[str, Path] = field(default_factory=dict)
    preload: tuple[str, ...] = ()
    visible: tuple[Path, ...] = ()
    hostname: str = "algo-1"
    cwd: str = "/"
    network: Network = Network.EMULATOR
    needs_absolute_root: bool = True
    time_limit: float | None = None
    """Seconds from the start of the program until it is stopped (``cause`` is then ``time_limit``)."""
    grace: float = 120.0
    """Seconds between SIGTERM and SIGKILL when stopped."""
    serves: bool = False
    """It is a server: it listens on ``SAGEMAKER_BIND_TO_PORT`` (8080 unless the host has no network namespaces)."""
    group: str = ""
    """Programs of one group reach each other by their hostnames; they are started together."""
    peers: tuple[str, ...] = ()
    """The hostnames of the group, this one's among them."""
    container: Container | None = None
    """What runs where there is a container engine, instead of ``argv`` in ``environment``."""


class Cause(enum.Enum):
    EXITED = "exited"
    STOPPED = "stopped"
    TIME_LIMIT = "time_limit"
    NOT_STARTED = "not_started"


@dataclass(frozen=True)
class Outcome:
    """How a program ended. ``code`` is the exit code, or 128 + signal as a container reports it."""

    cause: Cause
    code: int
    started: float
    ended: float
    message: str = ""
    """For ``NOT_STARTED``: why, and the remedy."""


class Run(Protocol):
    """A started program. Thread-safe."""

    spec: RunSpec

    def wait(self, timeout: float | None = None) -> Outcome | None:
        """The outcome once it ended and all its output was delivered; None when ``timeout`` seconds pass first."""

    def stop(self, grace: float | None = None) -> None:
        """Ask politely (SIGTERM), then firmly after ``grace`` seconds. Returns at once; ``wait`` tells the end."""

    def kill(self) -> None:
        """SIGKILL to everything the program started, at once."""

    def pids(self) -> tuple[int, ...]:
        """Host process ids of the program proper (not of the runner's own attendants)."""

    def socket(self) -> tuple[socket.socket, tuple[str, int]]:
        """For servers: a new unconnected TCP socket *in the program's network* and the address to connect it to."""


OutputSink = Callable[[bytes], None]


class Runner(Protocol):
    name: str

    def start(self, spec: RunSpec, output: OutputSink) -> Run:
        """Start it; never raises for a program that cannot be started (its outcome says ``NOT_STARTED`` and why).

        ``output`` receives raw chunks of stdout and stderr, in order, on a thread of the runner.
        """

    def warm(self, spec: RunSpec) -> None:
        """Have a warm parent wait for programs like this one, where that can be; nothing is installed for it."""

    def address_of(self, address: str) -> str:
        """The emulator's address as this runner's programs reach it."""

    def runs_as(self, uid: int) -> bool:
        """Whether processes of this user of the host may be its programs."""

    def sweep(self) -> list[str]:
        """Remove what a killed predecessor left behind; names what was found."""

    def describe(self) -> Mapping[str, str]:
        """For ``doctor``: how ``/opt/ml``, isolation and warm starts are given on this host."""

    def close(self) -> None:
        """Stop everything, politely then firmly; nothing is left behind."""


def connect(run: Run, timeout: float | None = None) -> socket.socket:
    """A socket that is connected to the program's server. Raises ``OSError``, and closes it, if none listens."""
    made, address = run.socket()
    made.settimeout(timeout)
    try:
        made.connect(address)
    except OSError:
        made.close()
        raise
    return made
