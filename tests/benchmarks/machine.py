"""A real emulator process for a benchmark, and clients of it."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

ROLE = "arn:aws:iam::123456789012:role/HarnessExecutionRole"
XGBOOST = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.0-5"


@dataclass(frozen=True)
class Machine:
    address: str
    pid: int
    started: float
    """``time.perf_counter`` just before the process was started."""
    state: Path

    def client(self, service: str) -> Any:
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        return boto3.client(service, endpoint_url=self.address, region_name="us-east-1", **keys)

    def health(self) -> Any:
        with urllib.request.urlopen(f"{self.address}/_harness/health", timeout=5) as answer:
            return json.load(answer)


@contextlib.contextmanager
def emulator(fill: Callable[[Path], None] = lambda state: None) -> Iterator[Machine]:
    """A fresh emulator process on a free port and a state folder that ``fill`` filled; yields once it is healthy."""
    with tempfile.TemporaryDirectory(prefix="harness-bench-") as folder:
        state = Path(folder) / ".harness"
        fill(state)
        command = [sys.executable, "-m", "harness.emulator", "--state", str(state), "--port", "0"]
        started = time.perf_counter()
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            machine = Machine(process.stdout.readline().strip(), process.pid, started, state)
            try:
                _until_healthy(machine)
                yield machine
            finally:
                process.terminate()
                process.wait(30)


def _until_healthy(machine: Machine) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            machine.health()
            return
        except urllib.error.URLError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.005)


def resident_mb(pid: int) -> float:
    fields = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in fields if line.startswith("VmRSS")) / 1024


def wait(describe: Any, member: str, going: tuple[str, ...]) -> Any:
    """Describe every 10 ms until the status is none of ``going``."""
    while True:
        answer = describe()
        if answer[member] not in going:
            return answer
        time.sleep(0.01)
