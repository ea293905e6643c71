"""Starts a job's container by the SageMaker SDK's local mode, in a process of its own, and follows its output."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from harness.runners.docker.engine import DockerEngine
from harness.runners.docker.errors import EngineRefusal
from harness.runners.docker.launch import Output, remove_container

PROGRAM = Path(__file__).with_name("container_program.py")
LAUNCH = "harness.launch"
"""The label by which a container is found once Compose has made it."""
_LIMITS = {"NanoCpus": "cpus", "Memory": "mem_limit", "MemorySwap": "memswap_limit", "ShmSize": "shm_size"}
_LOOK, _END_SECONDS, _TOLD = 0.05, 15.0, 2000


class ContainerMissing(Exception):
    """The SDK ended without a container; the message has what Compose printed."""


class SdkLauncher:
    """Has ``python``, which has a SageMaker SDK, run ``container_program``. ``folder`` is for the Compose files."""

    def __init__(self, engine: DockerEngine, folder: Path, python: str = sys.executable) -> None:
        self._engine = engine
        self._folder = folder
        self._python = python
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()
        self._init = True
        """Whether the engine has an init process to give."""

    def warm(self) -> None:
        with self._lock, contextlib.suppress(EngineRefusal):
            self._sdk()

    def launch(self, body: dict[str, Any], name: str, undo: ExitStack) -> tuple[str, Output]:
        self._folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as begun:
            folder = Path(tempfile.mkdtemp(dir=self._folder))
            begun.callback(shutil.rmtree, folder, ignore_errors=True)
            (folder / "document.json").write_text(json.dumps(document(body, name, self._init)), encoding="utf-8")
            self._send(folder)
            begun.callback(_end, folder)
            container = self._container(folder, name)
            if container:
                begun.callback(remove_container, self._engine, container)
                stream = LogStream(self._engine, container)
                begun.callback(stream.close)
                undo.push(begun.pop_all())
                return container, stream
            log = folder / "log"
            told = log.read_text(encoding="utf-8", errors="replace").strip() if log.exists() else ""
        if self._init and "docker-init" in told:  # this engine was installed without it
            self._init = False
            return self.launch(body, name, undo)
        raise ContainerMissing(f"the SDK's local mode did not start the container: {told[-_TOLD:]}")

    def close(self) -> None:
        with self._lock:
            process, self._process = self._process, None
        if process is not None:
            assert process.stdin is not None
            process.stdin.close()
            process.wait()

    def _send(self, folder: Path) -> None:
        with self._lock:
            process = self._sdk()
            assert process.stdin is not None
            process.stdin.write(f"{folder}\n")
            process.stdin.flush()

    def _sdk(self) -> subprocess.Popen[str]:
        """Return the process that has imported the SDK, started when first needed or when it has ended."""
        if self._process is None or self._process.poll() is not None:
            check_compose()
            check_sdk(self._python)
            self._folder.mkdir(parents=True, exist_ok=True)
            with (self._folder / "sdk.log").open("wb") as log:
                self._process = subprocess.Popen(
                    [self._python, str(PROGRAM)],
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    text=True,
                )
        return self._process

    def _container(self, folder: Path, name: str) -> str:
        """Wait for the container to start and return its id; empty when the SDK ended without one."""
        while True:
            ended = (folder / "ended").exists()
            found = self._engine.client.containers(all=True, filters={"label": f"{LAUNCH}={name}"})
            if found and found[0]["State"] != "created":
                return str(found[0]["Id"])
            if ended:
                for each in found:
                    remove_container(self._engine, each["Id"])
                return ""
            if self._process is None or self._process.poll() is not None:
                raise EngineRefusal(f"the process of the SageMaker SDK ended: {self._folder / 'sdk.log'} says why")
            time.sleep(_LOOK)


class LogStream:
    """The log of a container that Compose started, from its first line."""

    def __init__(self, engine: DockerEngine, container: str) -> None:
        self._stream = engine.client.logs(container, stdout=True, stderr=True, stream=True, follow=True)

    def chunks(self) -> Iterator[bytes]:
        yield from self._stream

    def end(self) -> None:
        with contextlib.suppress(Exception):  # it has ended
            self._stream.close()

    def close(self) -> None:
        self.end()


def document(body: Mapping[str, Any], name: str, init: bool) -> dict[str, Any]:
    """Return what ``container_program`` takes, of what Docker Engine would take."""
    host = body["HostConfig"]
    settings = {"labels": {**body["Labels"], LAUNCH: name}, "hostname": body["Hostname"], "init": init}
    settings |= {word: host[member] for member, word in _LIMITS.items() if member in host}
    if "NanoCpus" in host:
        settings["cpus"] = host["NanoCpus"] / 1e9
    if "ExtraHosts" in host:
        settings["extra_hosts"] = host["ExtraHosts"]
    if "WorkingDir" in body:
        settings["working_dir"] = body["WorkingDir"]
    mounts = {each["Target"] + (":ro" if each["ReadOnly"] else ""): each["Source"] for each in host["Mounts"]}
    return {
        "project": name.lower().replace(".", ""),
        "image": body["Image"],
        "host": body["Hostname"],
        "instance_type": "local_gpu" if host.get("DeviceRequests") else "local",
        "entrypoint": body.get("Entrypoint"),
        "arguments": body.get("Cmd"),
        "environment": dict(each.partition("=")[::2] for each in body["Env"]),
        "volumes": mounts,
        "network": _network(body),
        "container_config": settings,
    }


def _network(body: Mapping[str, Any]) -> dict[str, Any] | None:
    mode = body["HostConfig"]["NetworkMode"]
    if mode == "none":
        return None
    endpoints = body.get("NetworkingConfig", {}).get("EndpointsConfig", {})
    address = endpoints.get(mode, {}).get("IPAMConfig", {}).get("IPv4Address")
    return {"name": mode, "member": {"aliases": [body["Hostname"]], **({"ipv4_address": address} if address else {})}}


def check_compose() -> None:
    """Raise ``EngineRefusal`` where Docker Compose is missing."""
    if shutil.which("docker-compose"):
        return
    with contextlib.suppress(OSError):
        if subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode == 0:
            return
    raise EngineRefusal(
        "the SDK's local mode needs Docker Compose: install `docker compose` or `docker-compose`, or use "
        "--profile docker"
    )


def check_sdk(python: str) -> None:
    """Raise ``EngineRefusal`` where this interpreter is to start containers and has no SageMaker SDK."""
    if python == sys.executable and importlib.util.find_spec("sagemaker") is None:
        raise EngineRefusal(
            "the SDK's local mode needs the SageMaker SDK beside harness: pip install 'sagemaker[local]', or use "
            "--profile docker"
        )


def _end(folder: Path) -> None:
    """Wait for Compose to notice that its container is gone; then make an end."""
    until = time.monotonic() + _END_SECONDS
    while not (folder / "ended").exists() and (folder / "pid").exists():
        if time.monotonic() > until:
            with contextlib.suppress(ProcessLookupError, ValueError):
                os.killpg(int((folder / "pid").read_text()), signal.SIGKILL)
            return
        time.sleep(_LOOK)
