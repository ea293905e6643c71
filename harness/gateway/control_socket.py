"""``ControlSocket``: the unix socket on which other processes hand the emulator descriptors (SCM_RIGHTS).

One byte says what they are for, ``K`` or ``N`` answers. ``L``: a listening socket, bound to the emulator's port in
another network namespace; it is served until the unix connection closes. ``W`` and ``F`` are about programs to be run
by a warm interpreter: a request, for which one shall stand ready; and a request, a channel and the output of one to be
forked now. Whoever may open the socket's file may do this; the file is the owner's alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from harness.gateway.request_context import Listener
from harness.gateway.server import Server

NAME = "control.sock"
LEND, PREPARE, FORK = b"L", b"W", b"F"
SERVED, NOT_SERVED = b"K", b"N"

_LONGEST_PATH = 100  # what fits into the address of a unix socket on every system


class Interpreters(Protocol):
    """Warm interpreters; both calls block. The descriptors stay the caller's."""

    def prepare(self, request: int) -> None: ...

    def fork(self, request: int, channel: int, output: int) -> bool: ...


class ControlSocket:
    def __init__(self, folder: Path, server: Server, interpreters: Interpreters | None = None) -> None:
        self._folder = folder
        self._server = server
        self._interpreters = interpreters
        self._tasks: set[asyncio.Task[None]] = set()
        self._listener: socket.socket | None = None

    def open(self) -> None:
        """To be called on the event loop."""
        (self._folder / NAME).unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with _short(self._folder) as path:
            self._listener.bind(path)
        (self._folder / NAME).chmod(0o600)
        self._listener.listen(64)
        self._listener.setblocking(False)
        self._spawn(self._accept(self._listener))

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._listener is not None:
            self._listener.close()
            (self._folder / NAME).unlink(missing_ok=True)

    def _spawn(self, coroutine: object) -> None:
        assert asyncio.iscoroutine(coroutine)
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            connection, _ = await loop.sock_accept(listener)
            self._spawn(self._attend(connection))

    async def _attend(self, connection: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        with connection, contextlib.suppress(ConnectionError):
            connection.setblocking(False)
            message, descriptors = await _receive(connection)
            if message == LEND and len(descriptors) == 1:
                await self._serve(connection, descriptors[0])
                return
            try:
                done = await self._run_program(message, descriptors)
                if done is not None:
                    await loop.sock_sendall(connection, SERVED if done else NOT_SERVED)
            finally:
                for descriptor in descriptors:
                    os.close(descriptor)

    async def _serve(self, connection: socket.socket, listener: int) -> None:
        loop = asyncio.get_running_loop()
        serving = await self._server.serve_on(socket.socket(fileno=listener), Listener.PROGRAM)
        try:
            await loop.sock_sendall(connection, SERVED)
            while await loop.sock_recv(connection, 64):
                pass
        finally:
            self._server.stop_serving(serving)

    async def _run_program(self, message: bytes, descriptors: list[int]) -> bool | None:
        """None for what makes no sense."""
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

    def arrived() -> None:
        if not readable.done():
            readable.set_result(None)

    loop.add_reader(connection, arrived)
    try:
        await readable
    finally:
        loop.remove_reader(connection)
    message, descriptors, _, _ = socket.recv_fds(connection, 16, 4)
    return message, list(descriptors)


def lend(folder: Path, listener: socket.socket) -> socket.socket:
    """For the lending process: the connection to keep open for as long as ``listener`` is to be served."""
    with contextlib.ExitStack() as undo:
        connection = undo.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        connection.settimeout(10)
        with _short(folder) as path:
            connection.connect(path)
        socket.send_fds(connection, [LEND], [listener.fileno()])
        if connection.recv(1) != SERVED:
            raise ConnectionError("the emulator did not take the socket")
        connection.settimeout(None)
        undo.pop_all()
    return connection


@contextlib.contextmanager
def _short(folder: Path) -> Iterator[str]:
    """The socket's path, by way of an open folder where it is too long for an address."""
    path = str(folder / NAME)
    if len(path.encode()) <= _LONGEST_PATH:
        yield path
        return
    descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}/{NAME}"
    finally:
        os.close(descriptor)
