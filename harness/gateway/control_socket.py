"""``ControlSocket``: the unix socket on which other processes hand the emulator descriptors.

``harness.kernel.control_protocol`` describes the messages. Whoever may open the socket's file may send them; only its
owner may.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from pathlib import Path
from typing import Protocol

from harness.gateway.request_context import Listener
from harness.gateway.server import Server
from harness.kernel.control_protocol import DONE, FORK, PREPARE, REFUSED, SERVE, SOCKET_NAME, socket_address


class Interpreters(Protocol):
    """Warm interpreters. Both calls block, and leave the descriptors open for their caller to close."""

    def prepare(self, request: int) -> None: ...

    def fork(self, request: int, channel: int, output: int) -> bool: ...


class ControlSocket:
    def __init__(self, folder: Path, server: Server, interpreters: Interpreters | None = None) -> None:
        self._path = folder / SOCKET_NAME
        self._server = server
        self._interpreters = interpreters
        self._tasks: set[asyncio.Task[None]] = set()
        self._listener: socket.socket | None = None

    def open(self) -> None:
        """Start to listen. Must be called on the event loop."""
        self._path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with socket_address(self._path) as address:
            self._listener.bind(address)
        self._path.chmod(0o600)
        self._listener.listen(64)
        self._listener.setblocking(False)
        self._spawn(self._accept(self._listener))

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._listener is not None:
            self._listener.close()
            self._path.unlink(missing_ok=True)

    def _spawn(self, coroutine: object) -> None:
        assert asyncio.iscoroutine(coroutine)
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            connection, _ = await loop.sock_accept(listener)
            self._spawn(self._handle(connection))

    async def _handle(self, connection: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        with connection, contextlib.suppress(ConnectionError):
            connection.setblocking(False)
            message, descriptors = await _receive(connection)
            if message == SERVE and len(descriptors) == 1:
                await self._serve(connection, descriptors[0])
                return
            try:
                done = await self._run_program(message, descriptors)
                if done is not None:
                    await loop.sock_sendall(connection, DONE if done else REFUSED)
            finally:
                for descriptor in descriptors:
                    os.close(descriptor)

    async def _serve(self, connection: socket.socket, listener: int) -> None:
        loop = asyncio.get_running_loop()
        serving = await self._server.serve_on(socket.socket(fileno=listener), Listener.PROGRAM)
        try:
            await loop.sock_sendall(connection, DONE)
            while await loop.sock_recv(connection, 64):
                pass
        finally:
            self._server.stop_serving(serving)

    async def _run_program(self, message: bytes, descriptors: list[int]) -> bool | None:
        """Return whether it was done, or None when the message makes no sense."""
        if self._interpreters is None:
            return False if message in (PREPARE, FORK) else None
        if message == PREPARE and len(descriptors) == 1:
            await asyncio.to_thread(self._interpreters.prepare, descriptors[0])
            return True
        if message == FORK and len(descriptors) == 3:
            return await asyncio.to_thread(self._interpreters.fork, *descriptors)
        return None


async def _receive(connection: socket.socket) -> tuple[bytes, list[int]]:
    loop = asyncio.get_running_loop()
    readable = loop.create_future()

    def notify() -> None:
        if not readable.done():
            readable.set_result(None)

    loop.add_reader(connection, notify)
    try:
        await readable
    finally:
        loop.remove_reader(connection)
    message, descriptors, _, _ = socket.recv_fds(connection, 16, 4)
    return message, list(descriptors)
