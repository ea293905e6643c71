"""Runs LocalStack as a process with its own Python environment. It ends with the emulator."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from harness.aws.remote.health import Health, ask
from harness.kernel.errors import StateError

PROGRAM = Path(__file__).with_name("inside") / "localstack_program.py"
LOG = "localstack.log"
START_SECONDS = 90.0
STOP_SECONDS = 15.0
_LOOK = 0.05
_LAST_LINES = 8
# Pass on the user's settings of LocalStack and of the package index, but not those of AWS, which LocalStack would use.
_PASSED = (
    "LANG",
    "LC_ALL",
    "PATH",
    "TZ",
    "DEBUG",
    "SQS_",
    "S3_",
    "IAM_",
    "LAMBDA_",
    "LOCALSTACK_AUTH_TOKEN",
    "SSL_CERT_",
)

Python = Callable[[], Path]
"""Returns the interpreter of LocalStack's environment. Builds the environment if it is missing and that is allowed."""


class HostMode:
    """One LocalStack process. Its files are in ``folder``, which is deleted with it."""

    how = "a process of its own"

    def __init__(self, folder: Path, python: Python) -> None:
        self._folder = folder
        self._python = python
        self._process: subprocess.Popen[bytes] | None = None
        self._ending = threading.Event()

    def start(self) -> tuple[str, Health]:
        """Start it and return its address and health. Raise ``StateError`` with the reason if it does not answer."""
        python = self._python()
        self._clear()
        self._folder.mkdir(parents=True)
        port = _free_port()
        with self._log.open("wb") as log:
            process = self._process = subprocess.Popen(
                [str(python), str(PROGRAM)],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._folder,
                env=_environment(os.environ, self._folder, python, port),
                start_new_session=True,
            )
        try:
            return self._when_healthy(process, f"http://127.0.0.1:{port}")
        except BaseException:
            self.stop()
            raise

    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        self._ending.set()
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        process.stdin.close()
        for number, seconds in ((signal.SIGTERM, STOP_SECONDS), (signal.SIGKILL, STOP_SECONDS)):
            try:
                os.killpg(process.pid, number)
                process.wait(seconds)
                break
            except subprocess.TimeoutExpired:
                continue
            except ProcessLookupError:
                process.wait()
                break
        _kill_group(process.pid)
        self._clear()
        self._ending.clear()

    @property
    def _log(self) -> Path:
        return self._folder.with_name(LOG)

    def _when_healthy(self, process: subprocess.Popen[bytes], address: str) -> tuple[str, Health]:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise StateError(f"LocalStack ended with code {process.returncode} at its start:\n{self._tail()}")
            health = ask(address, 1.0)
            if health is not None:
                return address, health
            if self._ending.wait(_LOOK):
                raise StateError("LocalStack's start was broken off: the emulator ends")
        raise StateError(f"LocalStack did not answer within {START_SECONDS:.0f} s", f"see {self._log}:\n{self._tail()}")

    def _tail(self) -> str:
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-_LAST_LINES:])

    def _clear(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)


def _environment(inherited: Mapping[str, str], folder: Path, python: Path, port: int) -> dict[str, str]:
    kept = {name: value for name, value in inherited.items() if name.startswith(_PASSED)}
    return {
        **kept,
        "PATH": os.pathsep.join([str(python.parent), inherited.get("PATH", os.defpath)]),
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "FILESYSTEM_ROOT": str(folder / "volume"),
        "GATEWAY_LISTEN": f"127.0.0.1:{port}",
        "DISABLE_EVENTS": "1",  # no telemetry
        "DNS_ADDRESS": "0",  # no DNS server: this machine resolves names
        "SKIP_SSL_CERT_DOWNLOAD": "1",
        "EAGER_SERVICE_LOADING": "0",
    }


def _free_port() -> int:
    """Return a free port. Not LocalStack's default port, where other emulators would find and use it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _kill_group(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return
