"""``Instance``: one live model server as invocations see it: kept-alive HTTP/1.1 connections in the server's network.

The client is no more than a parser on a socket: what a general one does besides costs more than a small model's answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Mapping

from httptools import HttpParserError, HttpResponseParser

from harness.engine.hosting.model_servers import ModelServer

LARGEST_HEAD = 1 << 20
"""Bytes of the headers of an answer, and of interim answers before it."""


class InstanceUnreachable(Exception):
    """No answer came: the server died, refused, or closed the connection."""


class AnswerTooLong(Exception):
    """The server's answer is longer than allowed; the rest of it was not read."""


class InvocationAnswer:
    """``headers`` by their names in lower case."""

    __slots__ = ("body", "headers", "status")

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = b""


class Instance:
    """Invocations of one server; used on the event loop of the emulator's own server only, but for ``stop``."""

    def __init__(self, server: ModelServer) -> None:
        self.server = server
        self.outstanding = 0
        self._idle: list[_Connection] = []
        self._loop: asyncio.AbstractEventLoop | None = None

    async def post(
        self, path: str, body: bytes, headers: Mapping[str, str], timeout: float, limit: int
    ) -> InvocationAnswer:
        """Send a POST to the instance and return its answer.

        Raises asyncio's ``TimeoutError`` after ``timeout`` seconds, ``AnswerTooLong`` for a body over ``limit`` bytes,
        and ``InstanceUnreachable``.
        """
        lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
        head = f"POST {path} HTTP/1.1\r\nHost: localhost:8080\r\n{lines}Content-Length: {len(body)}\r\n\r\n"
        loop = self._loop = asyncio.get_running_loop()
        late = loop.time() + timeout
        self.outstanding += 1
        try:
            connection = self._idle.pop() if self._idle else await self._take_connection(loop, timeout)
            return await connection.ask(head.encode(errors="surrogateescape"), body, late, limit)
        finally:
            self.outstanding -= 1

    def stop(self, grace: float) -> None:
        """Thread-safe: ends the server and waits for it; its connections end with it, here without a further word."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended, and its connections with it
                self._loop.call_soon_threadsafe(self._close)
        self.server.stop(grace)

    def _close(self) -> None:
        for connection in self._idle:
            connection.close()
        self._idle.clear()

    async def _take_connection(self, loop: asyncio.AbstractEventLoop, timeout: float) -> _Connection:
        # The socket comes from the server's own network, through its attendant: that may take a moment.
        made, address = await loop.run_in_executor(None, self._socket)
        return await asyncio.wait_for(self._connect(loop, made, address), timeout)

    def _socket(self) -> tuple[socket.socket, tuple[str, int]]:
        try:
            return self.server.run.socket()
        except OSError as error:
            raise InstanceUnreachable(str(error) or type(error).__name__) from error

    async def _connect(
        self, loop: asyncio.AbstractEventLoop, made: socket.socket, address: tuple[str, int]
    ) -> _Connection:
        made.setblocking(False)
        try:
            await loop.sock_connect(made, address)
            _, connection = await loop.create_connection(lambda: _Connection(loop, self._idle), sock=made)
        except OSError as error:
            made.close()
            raise InstanceUnreachable(str(error) or type(error).__name__) from error
        except BaseException:
            made.close()
            raise
        return connection


class _Connection(asyncio.Protocol):
    """One request at a time. After a whole answer it is idle, until the server closes it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, idle: list[_Connection]) -> None:
        self._loop = loop
        self._idle = idle
        self._transport: asyncio.Transport
        self._parser = HttpResponseParser(self)
        self._waiting: asyncio.Future[InvocationAnswer] | None = None
        self._answer = InvocationAnswer()
        self._chunks: list[bytes] = []
        self._room = 0
        self._head_left = LARGEST_HEAD
        """Bytes until the end of the headers; whatever follows is counted as the body."""
        self._in_head = True
        self._unframed = False
        """The answer ends where the connection ends."""

    async def ask(self, head: bytes, body: bytes, late: float, limit: int) -> InvocationAnswer:
        waiting: asyncio.Future[InvocationAnswer] = self._loop.create_future()
        self._waiting = waiting
        self._room = limit
        self._head_left, self._in_head = LARGEST_HEAD, True
        self._begin()
        timer = self._loop.call_at(late, self._fail, asyncio.TimeoutError())
        if len(body) < 65536:
            self._transport.write(head + body)
        else:
            self._transport.write(head)
            self._transport.write(body)
        try:
            return await waiting
        except BaseException:
            self._transport.abort()
            raise
        finally:
            timer.cancel()

    def close(self) -> None:
        self._transport.abort()

    def _begin(self) -> None:
        self._answer = InvocationAnswer()
        self._chunks = []
        self._unframed = False

    def _fail(self, error: BaseException) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.done():
            waiting.set_exception(error)
        self._transport.abort()

    def _finish(self, reusable: bool) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is None or waiting.done():
            self._transport.abort()
            return
        self._answer.body = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        waiting.set_result(self._answer)
        if reusable:
            self._idle.append(self)
        else:
            self._transport.abort()

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if self._in_head:
            self._head_left -= len(data)
            if self._head_left < 0:
                self._fail(InstanceUnreachable(f"the headers of the answer have more than {LARGEST_HEAD} bytes"))
                return
        try:
            self._parser.feed_data(data)
        except HttpParserError as error:
            self._fail(InstanceUnreachable(f"the answer is not HTTP: {error}"))

    def connection_lost(self, error: Exception | None) -> None:
        if self in self._idle:
            self._idle.remove(self)
        if self._waiting is None:
            return
        if self._unframed and error is None:
            self._finish(reusable=False)
        else:
            self._fail(InstanceUnreachable(str(error or "") or "the server closed the connection without an answer"))

    # What the parser calls.

    def on_header(self, name: bytes, value: bytes) -> None:
        self._answer.headers[name.decode("latin-1").lower()] = value.decode(errors="surrogateescape")

    def on_headers_complete(self) -> None:
        self._answer.status = self._parser.get_status_code()
        self._in_head = self._answer.status < 200
        headers = self._answer.headers
        self._unframed = "content-length" not in headers and "transfer-encoding" not in headers

    def on_body(self, body: bytes) -> None:
        self._room -= len(body)
        if self._room < 0:
            self._fail(AnswerTooLong())
        else:
            self._chunks.append(body)

    def on_message_complete(self) -> None:
        if self._answer.status < 200:  # 100 Continue and its like precede the answer
            self._begin()
        else:
            self._finish(self._parser.should_keep_alive())
