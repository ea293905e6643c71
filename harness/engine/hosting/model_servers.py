"""One model server: its model unpacked below its own root, its program started, its ``/ping`` awaited."""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.contract.catalog import UnknownImage
from harness.contract.container_environment import ContainerEnvironment
from harness.contract.layout import Input
from harness.contract.serving import container_of, model_data, serve_spec
from harness.engine.components import Components
from harness.engine.jobs.archives import unpack
from harness.engine.jobs.failures import LIMIT, JobFailed
from harness.engine.jobs.staging import download_all, sources
from harness.kernel.records import Record
from harness.kernel.removal import remove_tree
from harness.kernel.s3uri import S3Uri
from harness.runners.spec import Run
from harness.stores.logs import LogWriter
from harness.stores.objects import BucketMissing, ObjectMissing, ObjectStore

PING_TIMEOUT = 2.0
PING_PAUSE = 0.02
STILL_LOADING = 503
SHOWN_LINES = 10
REFUSAL_PATIENCE = 5.0
"""Seconds of answers to ``/ping`` that are neither 200 nor 503 (still loading) until they are taken for final.

The service waits for minutes, whatever the answer; a local user wants to hear of a broken model soon.
"""


@dataclass(frozen=True)
class ModelServer:
    """A started server. ``connect`` gives an HTTP connection that reaches it in its own network."""

    name: str
    run: Run
    folder: Path
    log: LogWriter

    def connect(self, timeout: float) -> http.client.HTTPConnection:
        return ServerConnection(self.run, timeout)

    def alive(self) -> bool:
        return self.run.wait(0) is None

    def stop(self, grace: float | None = None) -> None:
        """Ends the program and removes its folder; waits for both."""
        self.run.stop(grace)
        self.run.wait()
        self.log.close()
        remove_tree(self.folder)


class ServerConnection(http.client.HTTPConnection):
    """An HTTP connection over a socket that lives in the server's network namespace."""

    def __init__(self, run: Run, timeout: float) -> None:
        super().__init__("127.0.0.1", timeout=timeout)
        self._run = run

    def connect(self) -> None:
        self.sock, address = self._run.socket()
        self.sock.settimeout(self.timeout)
        self.sock.connect(address)


class NotHealthy(Exception):
    """The server ended, or did not answer ``/ping`` with 200 in time; ``tail`` is the end of its log."""

    def __init__(self, why: str, tail: list[str]) -> None:
        super().__init__(why)
        # Frames of native libraries say nothing to anyone, and push out what does.
        self._tail = [line for line in tail if line.strip() and not line.lstrip().startswith("[bt] (")]

    def reason(self, text: str) -> str:
        """A FailureReason: the text, and as many of the log's last lines as there is room for."""
        lines: list[str] = []
        room = LIMIT - len(text)
        for line in reversed(self._tail[-SHOWN_LINES:]):
            room -= len(line) + 1
            if room < 0:
                break
            lines.insert(0, line)
        return "\n".join([text[:LIMIT], *lines])


def start_server(
    components: Components,
    model: Record,
    log: LogWriter,
    name: str,
    instance_type: str,
    extra: Mapping[str, str] | None = None,
    packages: str = "",
) -> ModelServer:
    """Fetch and unpack the model, start its program. ``JobFailed`` when the model cannot be had.

    ``name`` is unique; ``packages`` is the name by which the package index knows it, if that is another one.
    """
    folder = components.folder / "servers" / name
    root = folder / "ml"
    try:
        image = components.images.find(container_of(model)["Image"])
    except UnknownImage as error:
        raise JobFailed(f"ClientError: {error}") from error
    if image.stand_in:
        log.line(f"[harness] {image.stand_in}")
    (root / "model").mkdir(parents=True)
    try:
        _fetch_model(components.aws.objects(model.key.account, model.key.region), model, folder)
        where = ContainerEnvironment(
            model.key.account,
            model.key.region,
            components.endpoint_url(),
            root,
            secret=components.client_secret,
            packages=packages or name,
        )
        spec = serve_spec(name, model, image, where, instance_type, extra)
    except BaseException:
        remove_tree(folder)
        raise
    return ModelServer(name, components.runner.start(spec, log.write), folder, log)


def await_ping(server: ModelServer, timeout: float, cancelled: Callable[[], bool]) -> None:
    """Returns when ``/ping`` answered 200; ``NotHealthy`` when the program ended or ``timeout`` seconds passed."""
    deadline = time.monotonic() + timeout
    refused_since: float | None = None
    last, status = "no answer", 0
    while time.monotonic() < deadline and not cancelled():
        outcome = server.run.wait(0)
        if outcome is not None:
            raise NotHealthy(outcome.message or f"the server exited with code {outcome.code}", server.log.tail())
        last, status = _ping(server)
        if status == 200:
            return
        if status in (0, STILL_LOADING):
            refused_since = None
        else:
            refused_since = refused_since or time.monotonic()
            if time.monotonic() - refused_since > REFUSAL_PATIENCE:
                break
        time.sleep(PING_PAUSE)
    raise NotHealthy(f"/ping: {last}", server.log.tail())


def _ping(server: ModelServer) -> tuple[str, int]:
    """Return the body and the status of a ping; status 0 when there was no answer."""
    connection = server.connect(PING_TIMEOUT)
    try:
        connection.request("GET", "/ping")
        status = connection.getresponse().status
        return str(status), status
    except (OSError, http.client.HTTPException) as error:
        return str(error) or type(error).__name__, 0
    finally:
        connection.close()


def _fetch_model(objects: ObjectStore, model: Record, folder: Path) -> None:
    data = model_data(container_of(model))
    if data is None:
        return
    url, archived = data
    uri = S3Uri.parse(url)
    target = folder / "ml" / "model"
    problem = f"Failed to download model data from {url}"
    if not archived:
        download_all(objects, sources(objects, Input("model", uri, "model")), target, problem)
        return
    archive = folder / "model.tar.gz"
    try:
        objects.download(uri, archive)
    except (BucketMissing, ObjectMissing) as error:
        raise JobFailed(f"ClientError: {problem}: {error}") from error
    unpack(archive, target, url)
    archive.unlink()
