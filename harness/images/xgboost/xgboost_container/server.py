"""The model server: one process, /ping, /execution-parameters and /invocations over HTTP.

Small requests are answered on the event loop, since handing them to a thread costs more than they do; large ones go
to threads so that /ping and small requests keep being answered.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from .invocations import Answer, Settings, invoke
from .layout import Layout
from .logs import log
from .served_models import Models
from .versions import MIB, Version

DEFAULT_PAYLOAD = 6 * MIB
ON_LOOP = 64 * 1024
KEEP_ALIVE = 3600.0
READ_BUFFER = 4 * MIB
PAGE = "<!doctype html>\n<html lang=en>\n<title>{0} {1}</title>\n<h1>{1}</h1>\n<p>{2}</p>\n"
PAGES = {
    405: ("Method Not Allowed", "The method is not allowed for the requested URL."),
    413: ("Request Entity Too Large", "The data value transmitted exceeds the capacity limit."),
    500: (
        "Internal Server Error",
        (
            "The server encountered an internal error and was unable to complete your request. "
            "Either the server is overloaded or there is an error in the application."
        ),
    ),
}


def processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def page(status: int) -> Answer:
    title, text = PAGES[status]
    return Answer(status, PAGE.format(status, title, text).encode())


def _respond(answer: Answer) -> web.Response:
    content_type = answer.content_type
    if content_type.startswith("text/"):
        content_type += "; charset=utf-8"
    return web.Response(status=answer.status, body=answer.body, headers={"Content-Type": content_type})


@dataclass(frozen=True)
class Served:
    """Everything a request needs."""

    models: Models
    version: Version
    settings: Settings
    max_payload: int
    threads: ThreadPoolExecutor

    async def handle(self, request: web.BaseRequest) -> web.Response:
        routes = {"/ping": ("GET", self._ping), "/execution-parameters": ("GET", self._execution_parameters)}
        routes["/invocations"] = ("POST", self._invocations)
        if request.path not in routes:
            return web.Response(status=404, body=b"{}", content_type="application/json")
        method, operation = routes[request.path]
        if request.method != method and not (method == "GET" and request.method == "HEAD"):
            return _respond(page(405))
        try:
            return _respond(await operation(request))
        except (ConnectionError, asyncio.CancelledError):
            raise
        except Exception:
            log.exception("Exception on %s [%s]", request.path, request.method)
            return _respond(page(500))

    async def _ping(self, request: web.BaseRequest) -> Answer:
        if self.version.ping_loads_model:
            await asyncio.get_running_loop().run_in_executor(self.threads, self.models.load)
        return Answer(200, b"")

    async def _execution_parameters(self, request: web.BaseRequest) -> Answer:
        parameters = {
            "MaxConcurrentTransforms": processors(),
            "BatchStrategy": "MULTI_RECORD",
            "MaxPayloadInMB": self.max_payload // MIB,
        }
        return Answer(200, json.dumps(parameters).encode(), "application/json")

    async def _invocations(self, request: web.BaseRequest) -> Answer:
        body = await self._read(request)
        if body is None:
            return page(413)
        arguments = (
            body, request.headers.get("Content-Type"), request.headers.get("Accept", ""),
            self.models, self.version, self.settings,
        )  # fmt: skip
        # XGBoost before 1.3 must not predict from two threads; there everything goes through the one thread.
        if len(body) <= ON_LOOP and self.version.modern_callbacks:
            return invoke(*arguments)
        return await asyncio.get_running_loop().run_in_executor(self.threads, invoke, *arguments)

    async def _read(self, request: web.BaseRequest) -> bytes | None:
        """The body, or None when it is longer than allowed."""
        if (request.content_length or 0) > self.max_payload:
            return None
        chunks: list[bytes] = []
        size = 0
        while True:
            chunk = await request.content.readany()
            if not chunk:
                return chunks[0] if len(chunks) == 1 else b"".join(chunks)
            chunks.append(chunk)
            size += len(chunk)
            if size > self.max_payload:
                return None


def _max_payload(version: Version) -> int:
    wanted = int(os.environ.get("MAX_CONTENT_LENGTH", DEFAULT_PAYLOAD))
    return wanted if version.payload_cap is None else min(wanted, version.payload_cap)


def _make_served(layout: Layout, version: Version) -> Served:
    settings = Settings()
    # The container predicts with one thread per worker process and has a worker per processor. Here one process
    # stands for all of them: a batch transform gets every processor, an endpoint's small requests stay on one
    # thread, which is faster. A row's prediction does not depend on the number of threads.
    threads = processors() if settings.batch else 1
    return Served(
        models=Models(layout.model, version, threads),
        version=version,
        settings=settings,
        max_payload=_max_payload(version),
        threads=ThreadPoolExecutor(processors() if version.modern_callbacks else 1, "invocations"),
    )


def _load_ahead(served: Served) -> bool:
    """Load the model before the server listens; false when it cannot be loaded."""
    if served.settings.batch:
        import pandas as pd  # noqa: F401 - large bodies will need it; its import would delay the first of them
    try:
        served.models.load()
    except Exception as error:
        log.error("The model cannot be loaded: %s", error)
        return False
    return True


async def run_server(layout: Layout, version: Version) -> None:
    stopped: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, _stop, stopped)
    served = _make_served(layout, version)
    loaded = await asyncio.get_running_loop().run_in_executor(served.threads, _load_ahead, served)
    if not loaded and not version.ping_loads_model:
        # The container's workers load the model at their start and end where they cannot. Since 1.2-2 /ping loads it
        # again, and answers 500.
        sys.exit(1)
    if stopped.done():
        return
    runner = web.ServerRunner(
        web.Server(served.handle, keepalive_timeout=KEEP_ALIVE, access_log=None, read_bufsize=READ_BUFFER),
        shutdown_timeout=1.0,
    )
    await runner.setup()
    port = int(os.environ.get("SAGEMAKER_BIND_TO_PORT", "8080"))
    await web.TCPSite(runner, "0.0.0.0", port).start()
    log.info("Listening at: http://0.0.0.0:%s (%s)", port, os.getpid())
    await stopped
    await runner.cleanup()


def _stop(stopped: asyncio.Future[Any]) -> None:
    if not stopped.done():
        stopped.set_result(None)
