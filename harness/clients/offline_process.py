"""Runs a program offline: it reaches loopback and the emulator, and nothing else.

Two ways. A network namespace with the emulator's port inside, where the host allows one: nothing can get out. Else the
start-up shim's audit hook and the proxy variables: they stop what Python and well-behaved programs do, and name the
host they refuse. With a namespace they are on as well, for that message.
"""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from harness.clients.emulator_process import RunningEmulator
from harness.runners.process import sandbox
from harness.runners.process.errors import IsolationRefused
from harness.runners.process.sandbox import SandboxProgram

FORWARDED = (signal.SIGTERM, signal.SIGHUP)
NOT_FOUND, NOT_EXECUTABLE = 127, 126


def run(argv: Sequence[str], env: Mapping[str, str], emulator: RunningEmulator, modules: Sequence[str] = ()) -> int:
    """Runs it in this terminal; its exit code, or 128 + signal. For ``modules`` see ``SandboxProgram``."""
    try:
        return sandbox.run_offline(SandboxProgram(argv, env, emulator.port, emulator.control, modules))
    except IsolationRefused as refused:
        print(f"harness: no network namespace here ({refused}); offline by audit hook and proxy", file=sys.stderr)
    except OSError as error:
        print(f"harness: the program could not be enclosed ({error}); offline by audit hook and proxy", file=sys.stderr)
    return run_plain(argv, env)


def prepare(argv: Sequence[str], env: Mapping[str, str], emulator: RunningEmulator, modules: Sequence[str]) -> None:
    """Have an interpreter get ready for the next program like this one; nobody waits for it."""
    sandbox.prepare(SandboxProgram(argv, env, emulator.port, emulator.control, modules), wait=False)


def run_plain(argv: Sequence[str], env: Mapping[str, str]) -> int:
    """Runs it in this terminal and this network."""
    with _forward_signals() as forward_to:
        try:
            process = subprocess.Popen(argv, env=dict(env))
        except OSError as error:
            print(f"{argv[0]}: {error.strerror}", file=sys.stderr)
            return NOT_FOUND if isinstance(error, FileNotFoundError) else NOT_EXECUTABLE
        forward_to(process)
        code = process.wait()
    return 128 - code if code < 0 else code


@contextlib.contextmanager
def _forward_signals() -> Iterator[Callable[[subprocess.Popen[bytes]], None]]:
    """Forward signals to a program; one that comes before its start is sent once it runs."""
    programs: list[subprocess.Popen[bytes]] = []
    early: list[int] = []

    def forward(number: int, frame: FrameType | None) -> None:
        if not programs:
            early.append(number)
        elif programs[0].poll() is None:
            programs[0].send_signal(number)

    def forward_to(program: subprocess.Popen[bytes]) -> None:
        programs.append(program)
        for number in early:
            program.send_signal(number)

    before: dict[int, Any] = {number: signal.signal(number, forward) for number in FORWARDED}
    # Ctrl-C reaches the program by itself (same terminal); here it only must not end the wait. A handler and not
    # "ignore", which the program would inherit.
    before[signal.SIGINT] = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        yield forward_to
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class OfflineProcess:
    """A program started offline in the background, its output in a file. Start it while this process has one thread."""

    def __init__(
        self,
        argv: Sequence[str],
        env: Mapping[str, str],
        emulator: RunningEmulator,
        output: Path,
        modules: Sequence[str] = (),
    ) -> None:
        self._code: int | None = None
        sys.stdout.flush()
        sys.stderr.flush()
        # Forked, not spawned: the attendant needs no second start of Python, which would be waited for.
        self._pid = os.fork()
        if self._pid == 0:
            program = functools.partial(run, argv, env, emulator, modules)
            os._exit(_attend(output, program))

    def code(self) -> int | None:
        """Its exit code, once it ended."""
        if self._code is None:
            pid, status = os.waitpid(self._pid, os.WNOHANG)
            if pid:
                self._code = os.waitstatus_to_exitcode(status)
        return self._code

    def terminate(self) -> None:
        """SIGTERM to the program; to be followed by looking for its end."""
        if self.code() is None:
            os.kill(self._pid, signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL to the program and what it started: they are a session of their own."""
        if self.code() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
            self._code = 128 + signal.SIGKILL


def _attend(output: Path, run_it: Callable[[], int]) -> int:
    """Run in the forked child as a session of its own, so that Ctrl-C reaches the parent only."""
    try:
        os.setsid()
        signal.signal(signal.SIGTERM, _to_the_group)
        log = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        null = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((null, 0), (log, 1), (log, 2)):
            os.dup2(source, target)
        return run_it()
    except BaseException as error:
        os.write(2, f"harness: {error}\n".encode())
        return 1


def _to_the_group(number: int, frame: FrameType | None) -> None:
    """Asked to stop while the program is being started: it, or what is to become it, is in this process's group."""
    signal.signal(number, lambda *_: None)
    os.killpg(0, number)
