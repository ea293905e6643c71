"""A tiny server that hands requests to a ``MotoBackend``: in a thread, or as a program of its own that can be killed.

The service comes from the signature's credential scope, the account from a 12-digit access key.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
from aiohttp import web
from botocore.config import Config

from harness.aws.moto import MotoBackend
from harness.kernel.http import FileBody, Request
from harness.stores.log_files import LogFiles

ACCOUNT = "123456789012"
SCOPE = re.compile(r"Credential=([^/]+)/\d+/([^/]+)/([^/]+)/|X-Amz-Credential=([^%/]+)%2F\d+%2F([^%]+)%2F([^%]+)%2F")


def application(backend: MotoBackend) -> web.Application:
    async def answer(received: web.Request) -> web.StreamResponse:
        found = SCOPE.search(received.headers.get("Authorization", "") or received.raw_path)
        key, region, service = [one for one in found.groups() if one] if found else (ACCOUNT, "us-east-1", "s3")
        account = key if key.isdigit() else await asyncio.to_thread(backend.account_of, key) or ACCOUNT
        request = Request(received.method, received.raw_path, received.headers, received.content.iter_any)
        response = await backend.handle(service, request, account, region)
        if not isinstance(response.body, FileBody):
            assert isinstance(response.body, bytes)
            return web.Response(status=response.status, headers=response.headers, body=response.body)
        answer = web.StreamResponse(status=response.status, headers=response.headers)
        answer.content_length = response.body.length
        await answer.prepare(received)
        with response.body.path.open("rb") as source:
            source.seek(response.body.offset)
            left = response.body.length
            while left:
                block = source.read(min(left, 1024 * 1024))
                left -= len(block)
                await answer.write(block)
        await answer.write_eof()
        return answer

    app = web.Application(client_max_size=1 << 40)
    app.router.add_route("*", "/{path:.*}", answer)
    return app


def client(address: str, service: str, account: str = ACCOUNT, region: str = "us-east-1", **given: Any) -> Any:
    keys = {"aws_access_key_id": account, "aws_secret_access_key": "x", **given.pop("keys", {})}
    config = Config(retries={"total_max_attempts": 1}, **given)
    return boto3.client(service, endpoint_url=address, region_name=region, config=config, **keys)


class Served:
    """A backend and its address."""

    def __init__(self, backend: MotoBackend, logs: LogFiles, address: str) -> None:
        self.backend = backend
        self.logs = logs
        self.address = address

    def client(self, service: str, account: str = ACCOUNT, region: str = "us-east-1", **given: Any) -> Any:
        return client(self.address, service, account, region, **given)


@contextmanager
def serve(state: Path, **given: Any) -> Iterator[Served]:
    logs = LogFiles(state / "logs")
    backend = MotoBackend(state, logs, **given)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def start() -> tuple[web.AppRunner, int]:
        runner = web.AppRunner(application(backend), handler_cancellation=True, auto_decompress=False)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        return runner, runner.addresses[0][1]

    runner, port = asyncio.run_coroutine_threadsafe(start(), loop).result()
    try:
        yield Served(backend, logs, f"http://127.0.0.1:{port}")
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result()
        backend.close()
        logs.close()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@contextmanager
def running(state: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    root = Path(__file__).parents[3]
    command = [sys.executable, "-m", "tests.aws.moto.serving", str(state)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip(), process
        finally:
            process.kill()


def until(condition: Any, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


if __name__ == "__main__":
    with serve(Path(sys.argv[1])) as served:
        served.backend.load()
        print(served.address, flush=True)
        threading.Event().wait()
