"""Local mode of either generation of the SDK: a session of its own for each container, and one for the scenario.

``sdk_v2`` and ``sdk_v3`` name their classes; what the harness makes of them is the same and lies here.
"""

from __future__ import annotations

import contextlib
import functools
import io
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import urllib3
from urllib3.exceptions import HTTPError

from harness.kernel.job_files import TooDeep, find_file, remove_links
from harness.localmode.container_engine import JOB_LABEL, ContainerEngine
from harness.localmode.context import LocalModeContext

OUTPUT_FILES = ("failure", "message")
MAX_OUTPUT = 64 * 1024
OK, UNREACHABLE = 200, 500
PING_SECONDS, LOOK = 120.0, 0.2

_SERVERS: dict[int, tuple[ContainerEngine, str]] = {}
"""Serving port -> the engine and the run whose container has it."""


class BadAnswer(Exception):
    """A model server refused a batch."""


@dataclass(frozen=True)
class Generation:
    """The SDK's own classes and modules."""

    container_session: Any
    """A LocalSession with ``OneContainer`` before it."""
    client: Any
    runtime: Any


class LocalSdk(Protocol):
    def one_run(self, around: LocalModeContext, folder: Path, name: str) -> OneRun: ...


class OneContainer:
    """Mixed into the SDK's local session: looks at what a container left before that is removed."""

    def enter(self, around: LocalModeContext, folder: Path, name: str, port: int) -> None:
        self._around = around
        self._folder = folder
        self._left: dict[str, str] = {}
        # The SDK checks and hands on its settings when they are set.
        self.config = {
            "local": {
                "local_code": False,
                "container_root": str(folder),
                "serving_port": port,
                "container_config": container_settings(around, name),
            }
        }

    def upload_data(self, *arguments: Any, **options: Any) -> Any:
        """The container has ended, its folders are still there: now or never."""
        for name in OUTPUT_FILES:
            if text := read_output(self._folder, "*/*", name):
                self._left[name] = text
        return super().upload_data(*arguments, **options)  # type: ignore[misc]

    def give_back(self, image: str) -> None:
        take_over(self._around, self._folder, image)

    def output(self, name: str) -> str:
        return self._left.get(name, "")


class OneRun:
    """One job or endpoint of local mode: a session of the SDK with its own folder, labels and port."""

    def __init__(self, generation: Generation, around: LocalModeContext, folder: Path, name: str) -> None:
        port = free_port()
        _SERVERS[port] = around.engine, name
        self.session = generation.container_session(boto_session=around.boto3, default_bucket=around.bucket)
        self.session.enter(around, folder, name, port)
        self.client = generation.client(self.session)
        """The SDK's LocalSagemakerClient on that session."""
        self._runtime = generation.runtime(self.session.config)
        self.session.sagemaker_runtime_client = BatchRuntime(self._runtime)

    def ask(self, endpoint: str, body: bytes, request: Mapping[str, Any]) -> tuple[int, Mapping[str, str], bytes]:
        """One request to this run's server: status, headers, body."""
        try:
            answer = self._runtime.invoke_endpoint(Body=body, EndpointName=endpoint, **request)["Body"]
            return answer.status, answer.headers, answer.read()
        except HTTPError as error:
            return UNREACHABLE, {}, f"the server of the endpoint cannot be reached: {error}".encode()

    def read_output(self, name: str) -> str:
        """What the container left as ``/opt/ml/output/<name>``; empty when nothing."""
        found: str = self.session.output(name)
        return found


class BatchRuntime:
    """What local transform jobs ask. The SDK writes whatever comes back to the result; an error must not be one."""

    def __init__(self, runtime: Any) -> None:
        self._runtime = runtime
        self.config: Any = None

    def invoke_endpoint(self, *arguments: Any, **options: Any) -> dict[str, Any]:
        answer = self._runtime.invoke_endpoint(*arguments, **options)
        response = answer["Body"]
        body = response.read()
        if not 200 <= response.status < 300:
            raise BadAnswer(f"the model server answered {response.status}: {body[:500].decode('utf-8', 'replace')}")
        # The job puts a newline after each answer that is assembled by lines, also after one that has its own.
        return {**answer, "Body": io.BytesIO(body.removesuffix(b"\n"))}


class LocalScenarioSession:
    """Mixed into a local session: its clients are the harness's, which hand on to local mode what that can do."""

    def _initialize(self, *arguments: Any, **options: Any) -> None:
        super()._initialize(*arguments, **options)  # type: ignore[misc]
        client = self.boto_session.client  # type: ignore[attr-defined]
        self.sagemaker_runtime_client = None  # the SDK hands its local settings to whatever is here
        self.config = {"local": {"local_code": False}}
        self.sagemaker_client = client("sagemaker")
        self.sagemaker_runtime_client = client("sagemaker-runtime")
        self.sagemaker_metrics_client = client("sagemaker-metrics")


class SdkChanges:
    """What is replaced in the SDK's modules and classes while a session lasts, and put back at its end."""

    def __init__(self) -> None:
        self._before: list[tuple[Any, str, Any]] = []

    def set(self, owner: Any, name: str, value: Any) -> None:
        self._before.append((owner, name, vars(owner)[name]))
        setattr(owner, name, value)

    def put_back(self) -> None:
        while self._before:
            setattr(*self._before.pop())


def adapt(changes: SdkChanges, local_session: Any, entities: Any, container: Any) -> None:
    """What the SDK's local mode does before a request and while a server starts, done once and soon."""
    # Two docker commands before every single request, to learn a host name that does not change.
    host = functools.cache(local_session.get_docker_host)
    for module in (local_session, entities):
        changes.set(module, "get_docker_host", host)

    def await_server(serving_port: int, timeout: float = PING_SECONDS) -> None:
        """The SDK looks every five seconds, and for two minutes at a container that ended long ago."""
        engine, name = _SERVERS[serving_port]
        deadline, begun = time.monotonic() + timeout, False
        with urllib3.PoolManager(retries=False, timeout=10 * LOOK) as pool:
            while time.monotonic() < deadline:
                with contextlib.suppress(HTTPError):
                    if pool.request("GET", f"http://{host()}:{serving_port}/ping").status == OK:
                        return
                states = engine.states(name)
                begun = begun or bool(states)
                if begun and not {"created", "running"} & set(states):
                    raise RuntimeError("its container has ended")
                time.sleep(LOOK)
        raise RuntimeError(f"it did not answer /ping within {timeout:g} s")

    changes.set(entities, "_wait_for_serving_container", await_server)
    # What a container wrote as root, and for root alone, is read as the user: it must be the user's before that.
    for name in ("retrieve_artifacts", "_upload_processing_outputs"):
        changes.set(container, name, _given_back(getattr(container, name)))


def _given_back(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def adapted(container: Any, *arguments: Any, **options: Any) -> Any:
        if isinstance(container.sagemaker_session, OneContainer):
            container.sagemaker_session.give_back(container.image)
        return method(container, *arguments, **options)

    return adapted


def take_over(around: LocalModeContext, folder: Path, image: str) -> None:
    """Make what containers left fit for the SDK to read: it is the user's, and has no links, which the SDK follows."""
    around.engine.give_back(folder, image)
    try:
        remove_links(folder)
    except TooDeep as error:
        raise RuntimeError(f"the results of the job cannot be read: {error}") from error


def read_output(folder: Path, hosts: str, name: str) -> str:
    """Return what a container left as ``output/<name>``; empty when nothing. ``hosts`` matches the hosts' folders."""
    found = [file for host in folder.glob(hosts) if (file := find_file(host, f"output/{name}"))]
    return found[-1].read(MAX_OUTPUT).decode(errors="replace") if found else ""


def container_settings(around: LocalModeContext, name: str) -> dict[str, Any]:
    """Keys of a compose service. Names of other machines are not found in there, for an offline run."""
    labels = {**around.engine.labels, JOB_LABEL: name}
    # Programs that are a container's first process often pass over SIGTERM, and each would be waited for ten seconds.
    return {"labels": labels, "dns": ["127.0.0.1"], "stop_grace_period": "2s"}


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
    return port
