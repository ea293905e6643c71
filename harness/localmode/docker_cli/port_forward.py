"""A published port: connections to it on loopback are forwarded to the server in the container's network.

A connection that is made before the server listens waits until it does.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable

from harness.localmode.docker_cli.errors import UnsupportedCommand
from harness.runners.spec import Run, connect

_POLL_SECONDS = 0.02
_CHUNK = 1 << 16


class PublishedPort:
    """A listening port of the host. It forwards connections after ``open`` was called with a container."""

    def __init__(self, port: int) -> None:
        self._listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._listener.bind(("127.0.0.1", port))
        except OSError as error:
            self._listener.close()
            raise UnsupportedCommand(f"port {port} of 127.0.0.1 cannot be published: {error.strerror}") from error
        self._listener.listen(128)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"port-{port}", daemon=True)

    def open(self, run: Run, ended: Callable[[], bool]) -> None:
        async def begin() -> None:
            await asyncio.start_server(lambda inner, outer: _forward(inner, outer, run, ended), sock=self._listener)

        self._thread.start()
        asyncio.run_coroutine_threadsafe(begin(), self._loop).result(5)

    def close(self) -> None:
        """Stop listening. Open connections end with the process."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
        self._listener.close()


async def _forward(
    caller: asyncio.StreamReader, answers: asyncio.StreamWriter, run: Run, ended: Callable[[], bool]
) -> None:
    with contextlib.closing(answers):
        server = await _connect_when_ready(run, ended)
        if server is None:
            return
        reader, writer = await asyncio.open_connection(sock=server)
        with contextlib.closing(writer):
            await asyncio.gather(_pump(caller, writer), _pump(reader, answers))


async def _connect_when_ready(run: Run, ended: Callable[[], bool]) -> socket.socket | None:
    while not ended():
        with contextlib.suppress(OSError):
            return await asyncio.to_thread(connect, run)
        await asyncio.sleep(_POLL_SECONDS)
    return None


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while chunk := await source.read(_CHUNK):
            target.write(chunk)
            await target.drain()
    with contextlib.suppress(OSError, RuntimeError):
        target.write_eof()
