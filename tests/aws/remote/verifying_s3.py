"""An S3 that believes nobody: checks every request's Signature Version 4, byte for byte, and knows one key only.

The check is written from AWS's description of it, on purpose not with the library that signs.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, unquote

from aiohttp import web

from harness.aws.moto import MotoBackend
from harness.kernel.http import FileBody, Request
from harness.stores.log_files import LogFiles

ACCESS, SECRET = "AKIAVERIFYING", "verifying/secret"


def fault(received: web.Request) -> str:
    """Empty when the signature holds."""
    scheme, _, rest = received.headers.get("Authorization", "").partition(" ")
    if scheme != "AWS4-HMAC-SHA256":
        return "AccessDenied"
    parts = dict(part.strip().split("=", 1) for part in rest.split(","))
    access, day, region, service, _ = parts["Credential"].split("/")
    if access != ACCESS:
        return "InvalidAccessKeyId"
    path, _, query = received.raw_path.partition("?")
    pairs = sorted((quote(n, safe="-_.~"), quote(v, safe="-_.~")) for n, v in parse_qsl(query, keep_blank_values=True))
    names = parts["SignedHeaders"].split(";")
    canonical = [
        received.method,
        quote(unquote(path), safe="/-_.~"),
        "&".join(f"{name}={value}" for name, value in pairs),
        *(f"{name}:{' '.join(received.headers[name].split())}" for name in names),
        "",
        ";".join(names),
        received.headers["x-amz-content-sha256"],
    ]
    scope = f"{day}/{region}/{service}/aws4_request"
    hashed = hashlib.sha256("\n".join(canonical).encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{received.headers['x-amz-date']}\n{scope}\n{hashed}"
    key = f"AWS4{SECRET}".encode()
    for step in (day, region, service, "aws4_request"):
        key = hmac.digest(key, step.encode(), "sha256")
    unsigned = [n for n in received.headers if n.lower().startswith("x-amz-") and n.lower() not in names]
    right = hmac.new(key, text.encode(), "sha256").hexdigest() == parts["Signature"] and not unsigned
    return "" if right and "host" in names else "SignatureDoesNotMatch"


def application(backend: MotoBackend) -> web.Application:
    async def answer(received: web.Request) -> web.StreamResponse:
        code = fault(received)
        if code:
            await received.read()
            body = f"<Error><Code>{code}</Code><Message>no</Message><RequestId>1</RequestId></Error>"
            return web.Response(status=403, body=body.encode(), headers={"Content-Type": "application/xml"})
        request = Request(received.method, received.raw_path, received.headers, received.content.iter_any)
        response = await backend.handle("s3", request, "123456789012", "us-east-1")
        body: Any = response.body
        if isinstance(body, FileBody):
            body = await asyncio.to_thread(_piece, body)
        return web.Response(status=response.status, headers=response.headers, body=body)

    app = web.Application(client_max_size=1 << 40)
    app.router.add_route("*", "/{path:.*}", answer)
    return app


def _piece(body: FileBody) -> bytes:
    with body.path.open("rb") as source:
        source.seek(body.offset)
        return source.read(body.length)


@contextmanager
def verifying_s3(state: Path) -> Iterator[str]:
    """Its address. In a process of its own: moto keeps its state in globals."""
    logs = LogFiles(state / "logs")
    backend = MotoBackend(state, logs)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def start() -> tuple[web.AppRunner, int]:
        runner = web.AppRunner(application(backend))
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return runner, runner.addresses[0][1]

    runner, port = asyncio.run_coroutine_threadsafe(start(), loop).result()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result()
        backend.close()
        logs.close()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


if __name__ == "__main__":
    import sys

    with verifying_s3(Path(sys.argv[1])) as address:
        print(address, flush=True)
        sys.stdin.read()
