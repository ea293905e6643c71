"""A job folder with the contract's files, and a parent process that runs the image's programs on it."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

IMAGE = Path(__file__).parents[3] / "harness" / "images" / "xgboost"
# The programs are started with their own folder first on the path; tests of their parts import them the same way.
sys.path.insert(0, str(IMAGE))
DEADLINE = 30.0


class ForkingParent:
    def __init__(self, python: str) -> None:
        self._process = subprocess.Popen(
            [python, str(Path(__file__).with_name("forking_parent.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "GOMP_SPINCOUNT": "10000"},  # as the programs set it when started cold
            text=True,
        )

    def _ask(self, **command: Any) -> int:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        return int(json.loads(self._process.stdout.readline()))

    def start(self, program: str, job: Job, **environment: str) -> int:
        env = {
            "PATH": os.environ["PATH"],
            "SAGEMAKER_BASE_DIR": str(job.root),
            "HARNESS_IMAGE_TAG": job.tag,
            **environment,
        }
        out, err = str(job.root / "stdout"), str(job.root / "stderr")
        return self._ask(do="start", program=str(IMAGE / program), env=env, stdout=out, stderr=err)

    def wait(self, pid: int) -> int:
        return self._ask(do="wait", pid=pid)

    def stop(self, pid: int) -> int:
        return self._ask(do="stop", pid=pid)

    def close(self) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait(DEADLINE)
        self._process.stdout.close()


@dataclass
class Job:
    """One /opt/ml: `hyperparameters` and `channels` are written when a program is started."""

    root: Path
    parent: ForkingParent
    tag: str = "3.0-5"
    hyperparameters: dict[str, str] = field(
        default_factory=lambda: {"num_round": "4", "objective": "binary:logistic", "max_depth": "3"}
    )
    channels: dict[str, dict[str, str]] = field(default_factory=dict)
    hosts: tuple[str, ...] = ("algo-1",)

    def add_channel(self, name: str, files: dict[str, str], content_type: str | None = "text/csv", **form: str) -> None:
        folder = self.root / "input" / "data" / name
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
        channel = {
            "TrainingInputMode": "File",
            "S3DistributionType": "FullyReplicated",
            "RecordWrapperType": "None",
            **form,
        }
        self.channels[name] = {**channel, "ContentType": content_type} if content_type else channel

    def write_config(self) -> None:
        for folder in ("input/config", "model", "output/data"):
            (self.root / folder).mkdir(parents=True, exist_ok=True)
        resources = {"current_host": "algo-1", "hosts": list(self.hosts), "network_interface_name": "eth0"}
        contents: dict[str, Any] = {
            "hyperparameters": self.hyperparameters,
            "inputdataconfig": self.channels,
            "resourceconfig": resources,
        }
        for name, content in contents.items():
            (self.root / "input" / "config" / f"{name}.json").write_text(json.dumps(content))

    def train(self, **environment: str) -> int:
        self.write_config()
        return self.parent.wait(self.parent.start("train.py", self, **environment))

    @property
    def stdout(self) -> str:
        return (self.root / "stdout").read_text()

    @property
    def stderr(self) -> str:
        return (self.root / "stderr").read_text()

    @property
    def failure(self) -> str:
        return (self.root / "output" / "failure").read_text()

    @property
    def metric_lines(self) -> list[str]:
        return [line for line in self.stdout.splitlines() if line.startswith("[") and "\t" in line]

    @property
    def model(self) -> Path:
        return self.root / "model" / "xgboost-model"


@dataclass(frozen=True)
class Reply:
    status: int
    content_type: str
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


@dataclass
class Server:
    port: int
    pid: int
    job: Job

    def request(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE)
        try:
            connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
            response = connection.getresponse()
            return Reply(response.status, response.headers.get("Content-Type", ""), response.read())
        finally:
            connection.close()

    def invoke(self, body: str | bytes, content_type: str | None = "text/csv", **headers: str) -> Reply:
        if content_type is not None:
            headers["Content_Type"] = content_type
        return self.request("POST", "/invocations", body.encode() if isinstance(body, str) else body, **headers)

    def wait_until_listening(self) -> None:
        deadline = time.monotonic() + DEADLINE
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                assert time.monotonic() < deadline, self.job.stderr


class Servers:
    """Starts model servers on a job's folder; stopped at the end of the test."""

    def __init__(self) -> None:
        self._running: list[Server] = []

    def start(self, job: Job, **environment: str) -> Server:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        pid = job.parent.start("serve.py", job, SAGEMAKER_BIND_TO_PORT=str(port), **environment)
        server = Server(port, pid, job)
        self._running.append(server)
        server.wait_until_listening()
        return server

    def stop(self, server: Server) -> int:
        self._running.remove(server)
        return server.job.parent.stop(server.pid)

    def close(self) -> None:
        for server in list(self._running):
            self.stop(server)


def table(rows: int, seed: int = 1) -> np.ndarray[Any, Any]:
    """Label, then five features it depends on."""
    random = np.random.default_rng(seed)
    features = random.normal(size=(rows, 5))
    label = features[:, 0] + features[:, 1] / 2 + random.normal(size=rows) * 0.7 > 0
    return np.column_stack([label, features]).round(6)


def as_csv(values: np.ndarray[Any, Any], delimiter: str = ",") -> str:
    return "".join(delimiter.join(repr(value) for value in row.tolist()) + "\n" for row in values)


FEATURE_ROWS = table(20, seed=5)[:, 1:].tolist()


@pytest.fixture(scope="session")
def parent() -> Iterator[ForkingParent]:
    running = ForkingParent(sys.executable)
    yield running
    running.close()


@pytest.fixture
def empty_job(tmp_path: Path, parent: ForkingParent) -> Job:
    return Job(tmp_path / "ml", parent)


@pytest.fixture
def job(empty_job: Job) -> Job:
    """With a train and a validation channel in csv."""
    empty_job.add_channel("train", {"train.csv": as_csv(table(300))})
    empty_job.add_channel("validation", {"validation.csv": as_csv(table(100, seed=2))})
    return empty_job


@pytest.fixture
def servers() -> Iterator[Servers]:
    started = Servers()
    yield started
    started.close()
