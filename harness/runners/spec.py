"""The interface of runners: a ``RunSpec`` says what to run, an ``Outcome`` how it ended; ``Runner`` and ``Run``."""

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
    """Environments to use instead, in this order, on a machine without that Python."""
    notice: str = ""
    """The line for the job's log when this environment runs as an alternative."""

    @property
    def candidates(self) -> tuple[Environment, ...]:
        return (self, *self.alternatives)


class Network(enum.Enum):
    """The network of a program: the emulator and its own loopback, or only its own loopback."""

    EMULATOR = "emulator"
    ISOLATED = "isolated"


@dataclass(frozen=True)
class Resources:
    """Resources of the requested instance type for a container; 0 means unknown or none."""

    machine: str = ""
    cpus: float = 0
    memory: int = 0
    """Memory in bytes."""
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
    """A program to run in a container-like environment.

    ``argv[0]`` is looked up on the program's PATH, which starts with the environment's ``bin``; ``python``/``python3``
    followed by a script file may be started warm (a parent that imported ``preload`` forks for it).
    ``root`` is the host folder that the program sees as ``/opt/ml``. ``mounts`` maps absolute paths below ``/opt/ml``
    to other host folders or files, which the program may write to. ``needs_absolute_root`` is False if the program also
    follows ``SAGEMAKER_BASE_DIR``, so that it can run on hosts where ``/opt/ml`` cannot be provided.
    ``visible`` are host paths (program folders) that it may read under the same path. ``env`` is its whole environment
    except PATH, HOME, HOSTNAME and TMPDIR, which the runner sets.
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
    """True for a server: it listens on ``SAGEMAKER_BIND_TO_PORT`` (8080 unless the host has no network namespaces)."""
    group: str = ""
    """The name of a group of programs that are started together and reach each other by hostname."""
    peers: tuple[str, ...] = ()
    """All hostnames of the group."""
    container: Container | None = None
    """The container that a container engine runs instead of ``argv`` in ``environment``."""


class Cause(enum.Enum):
    """The reason why a program ended."""

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
    """The reason and the remedy, for ``NOT_STARTED``."""


class Run(Protocol):
    """A started program. Thread-safe."""

    spec: RunSpec

    def wait(self, timeout: float | None = None) -> Outcome | None:
        """Wait until the program has ended and all its output is delivered; return None after ``timeout`` seconds."""

    def stop(self, grace: float | None = None) -> None:
        """Send SIGTERM, and SIGKILL after ``grace`` seconds. Return at once; ``wait`` returns the outcome."""

    def kill(self) -> None:
        """Send SIGKILL to everything that the program started."""

    def pids(self) -> tuple[int, ...]:
        """Return the host process ids of the program, without those of the runner's helper processes."""

    def socket(self) -> tuple[socket.socket, tuple[str, int]]:
        """Return a new unconnected TCP socket *in the program's network* and the server's address."""


OutputSink = Callable[[bytes], None]


class Runner(Protocol):
    name: str

    def start(self, spec: RunSpec, output: OutputSink) -> Run:
        """Start a program. If it cannot be started, the outcome is ``NOT_STARTED``; no exception is raised.

        ``output`` receives raw chunks of stdout and stderr, in order, on a thread of the runner.
        """

    def warm(self, spec: RunSpec) -> None:
        """Start a warm parent for programs like this one, if the runner has such; install nothing for it."""

    def address_of(self, address: str) -> str:
        """Return the emulator's address as this runner's programs reach it."""

    def refuses_several_hosts(self) -> str:
        """Return why it cannot run jobs on several hosts, with the remedy; an empty text if it can."""

    def runs_as(self, uid: int) -> bool:
        """Return whether processes of this user of the host may be programs of this runner."""

    def sweep(self) -> list[str]:
        """Remove what a killed emulator left behind; return a description of each thing removed."""

    def describe(self) -> Mapping[str, str]:
        """Describe for ``doctor`` how ``/opt/ml``, isolation and warm starts work on this host."""

    def close(self) -> None:
        """Stop all programs with SIGTERM, then SIGKILL, and remove everything the runner created."""


def connect(run: Run, timeout: float | None = None) -> socket.socket:
    """Return a socket connected to the program's server; raise ``OSError`` if nothing listens."""
    client, address = run.socket()
    client.settimeout(timeout)
    try:
        client.connect(address)
    except OSError:
        client.close()
        raise
    return client
