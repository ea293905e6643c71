"""The command ``docker compose up --abort-on-container-exit``: it runs the containers of a file until the first ends.

The containers end with this process, and this process ends with the program that started it.
"""

from __future__ import annotations

import contextlib
import math
import os
import queue
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import Any

from harness.localmode.docker_cli.compose_file import Service, parse
from harness.localmode.docker_cli.config import DockerCliConfig
from harness.localmode.docker_cli.containers import STOP_GRACE, run_spec, stand_in
from harness.localmode.docker_cli.errors import UnsupportedCommand
from harness.localmode.docker_cli.output_prefix import Lines
from harness.localmode.docker_cli.port_forward import PublishedPort
from harness.runners.process.environments import Environments
from harness.runners.process.folders import JobFolders
from harness.runners.process.runner import ProcessRunner
from harness.runners.process.sandbox import adopted_listener
from harness.runners.spec import Cause, Outcome, Run, RunSpec

INTERRUPTED = 130
"""The exit code of compose after a signal; the SDKs do not treat it as a failure."""
MOST_SERVICES = 20
_PARENT_SECONDS = 0.5
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def up(file: Path, config: DockerCliConfig) -> int:
    """Run the containers of a compose file, and return the exit code of the first that ends."""
    services = _services(file)
    runs = config.folder / "runs"
    folders = JobFolders(runs)
    runner = ProcessRunner(
        runs,
        environments=Environments(install=config.install),
        port=config.port,
        adopt=lambda listener: _adopt(listener, config.control),
        hidden=(config.folder,),
    )
    with contextlib.ExitStack() as stack:
        stack.callback(runner.close)
        runner.sweep()  # folders of a command that was killed
        if len(services) > 1 and (refusal := runner.refuses_several_hosts()):
            raise UnsupportedCommand(refusal)
        peers = tuple(service.hostname for service in services) if len(services) > 1 else ()
        containers = _Containers(runner, Lines(max(len(service.label) for service in services)))
        for service in services:
            root = folders.make(service.label)
            containers.add(service, run_spec(service, config, root, peers), stack)
        return containers.run()


def _services(file: Path) -> list[Service]:
    import yaml

    try:
        document = yaml.safe_load(file.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise UnsupportedCommand(f"the compose file {file} cannot be read: {error}") from error
    services = parse(document, os.environ)
    if not 1 <= len(services) <= MOST_SERVICES:
        raise UnsupportedCommand(
            f"local mode without Docker runs 1 to {MOST_SERVICES} hosts, and the file has {len(services)}"
        )
    return services


def _adopt(listener: socket.socket, control: Path) -> Callable[[], None]:
    """Let the emulator answer at its port in a container's network; return a function that ends this."""
    stack = contextlib.ExitStack()
    stack.enter_context(adopted_listener(listener.detach(), control))
    return stack.close


class _Containers:
    """The containers of one compose file."""

    def __init__(self, runner: ProcessRunner, lines: Lines) -> None:
        self._runner = runner
        self._lines = lines
        self._events: queue.SimpleQueue[tuple[Service | None, Outcome | None]] = queue.SimpleQueue()
        self._runs: dict[str, Run] = {}
        self._starts: list[Callable[[], None]] = []
        self._parent = os.getppid()

    def add(self, service: Service, spec: RunSpec, stack: contextlib.ExitStack) -> None:
        """Prepare a container. Raise the errors of an unsupported service here, before any container runs."""
        ports = [stack.enter_context(contextlib.closing(PublishedPort(port))) for port in service.ports]

        def start() -> None:
            if notice := stand_in(service):
                self._lines.chunk(service.label, f"harness: {notice}\n".encode())
            run = self._runner.start(spec, lambda chunk: self._lines.chunk(service.label, chunk))
            self._runs[service.name] = run
            ended = threading.Event()
            for port in ports:
                port.open(run, ended.is_set)
            threading.Thread(target=self._watch, args=(service, run, ended), daemon=True).start()

        self._starts.append(start)

    def run(self) -> int:
        with _signals(lambda: self._events.put((None, None))):
            for start in self._starts:
                start()
            return self._until_the_first_ends()

    def _until_the_first_ends(self) -> int:
        """Stop the others after the first container's end.

        After a success they have some seconds for their own end. In Docker they have them as well: SIGTERM does not end
        the first process of a container.
        """
        code: int | None = None
        left = len(self._starts)
        patience = math.inf
        while left:
            try:
                service, outcome = self._events.get(timeout=_PARENT_SECONDS)
            except queue.Empty:
                if os.getppid() == self._parent and not self._lines.broken and time.monotonic() < patience:
                    continue
                service = outcome = None
            if service is not None and outcome is not None:
                left -= 1
                code = outcome.code if code is None else code
                self._tell_end(service, outcome)
                if outcome.code == 0 and time.monotonic() < patience:
                    patience = min(patience, time.monotonic() + STOP_GRACE)
                    continue
            else:
                code = INTERRUPTED if code is None else code
            for run in self._runs.values():
                run.stop(STOP_GRACE)
        self._lines.drain()
        return code or 0

    def _tell_end(self, service: Service, outcome: Outcome) -> None:
        self._lines.end(service.label)
        if outcome.cause is Cause.NOT_STARTED:
            self._lines.say(f"harness: {outcome.message}")
        self._lines.say(f"{service.label} exited with code {outcome.code}")

    def _watch(self, service: Service, run: Run, ended: threading.Event) -> None:
        outcome = run.wait()
        ended.set()
        self._events.put((service, outcome))


@contextlib.contextmanager
def _signals(stop: Callable[[], None]) -> Iterator[None]:
    """Call ``stop`` on Ctrl-C and SIGTERM. Containers do not get these signals: each is a session of its own."""

    def note(number: int, frame: FrameType | None) -> None:
        stop()

    before: Mapping[int, Any] = {number: signal.signal(number, note) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
