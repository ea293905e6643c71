"""``Server``: aiohttp's low-level HTTP server around a ``Gateway``. The only module that speaks HTTP to clients."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import resource
import socket
from collections.abc import AsyncIterator, Callable
from functools import partial
from weakref import WeakKeyDictionary

from aiohttp import web_server
from aiohttp.http import HttpVersion11
from aiohttp.web_protocol import PayloadAccessError, RequestPayloadError
from aiohttp.web_request import BaseRequest
from aiohttp.web_response import Response as WholeResponse
from aiohttp.web_response import StreamResponse

from harness.gateway.chain import Gateway
from harness.gateway.peer_check import is_own_user
from harness.gateway.peers import PeerLookup
from harness.gateway.request_context import Client, ClientGone, Listener
from harness.kernel.http import FileBody, Request, Response

_CHUNK = 1024 * 1024
_LAST_ANSWERS = 2.0  # seconds that requests in progress have at the end
_BACKLOG, _AT_ONCE = 1024, 16
"""Connections that may wait to be accepted, and how many are accepted in one turn of the loop."""
_RESERVED = 128
"""File descriptors that connections never take: jobs, databases and objects need some when many clients connect."""
_LONGEST_FIELD = 64 * 1024  # session tokens and user metadata travel in headers, presigned URLs in the request line


logger = logging.getLogger(__name__)


class Server:
    """Everything but ``adopt`` is called on the event loop."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._listeners: set[asyncio.Server] = set()
        self._ports: frozenset[int] = frozenset()
        self._loop = asyncio.get_running_loop()
        self._clients: WeakKeyDictionary[asyncio.Transport, Client] = WeakKeyDictionary()
        self._peers = PeerLookup()
        self._refusing = False
        self._http = {listener: self._http_server(listener) for listener in Listener}

    async def listen(self, host: str, port: int) -> int:
        """Listen there; the port itself, or the one chosen for 0. ``OSError`` when it cannot be had."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family, backlog=_BACKLOG)
        await self.serve_on(listener)
        return int(listener.getsockname()[1])

    async def serve_on(self, listener: socket.socket, kind: Listener = Listener.ALL) -> asyncio.Server:
        listener.setblocking(False)
        # asyncio accepts as many connections as its backlog before it makes the first protocol.
        server = await self._loop.create_server(partial(self._connect, kind), sock=listener, backlog=_AT_ONCE)
        listener.listen(_BACKLOG)
        self._listeners.add(server)
        self._count_ports()
        return server

    def adopt(self, listener: socket.socket) -> Callable[[], None]:
        """Serve jobs on a socket made elsewhere (another network namespace) until the function returned is called.

        For other threads than the loop's; returns when the socket is being served.
        """
        server = asyncio.run_coroutine_threadsafe(self.serve_on(listener, Listener.JOBS), self._loop).result(10)

        def release() -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended, and the listener with it
                self._loop.call_soon_threadsafe(self.stop_serving, server)

        return release

    def stop_serving(self, server: asyncio.Server) -> None:
        # asyncio loses (and warns of) a connection just accepted when the listener closes: stop accepting first, and
        # close a turn of the loop later.
        for listener in server.sockets:
            self._loop.remove_reader(listener.fileno())
        self._loop.call_soon(server.close)
        self._listeners.discard(server)
        self._count_ports()

    async def close(self) -> None:
        """Take no more connections, let running requests end, then close what is left."""
        for server in list(self._listeners):
            self.stop_serving(server)
        await asyncio.sleep(0)  # connections just accepted become known
        for http in self._http.values():
            http.pre_shutdown()
        await asyncio.gather(*(http.shutdown(_LAST_ANSWERS) for http in self._http.values()))
        self._peers.close()
        await asyncio.sleep(0)  # closed transports let go of their sockets

    def _connect(self, kind: Listener) -> asyncio.BaseProtocol:
        """Make the protocol of a new connection; one that refuses it while too many are open."""
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        most = max(limit - _RESERVED, limit // 2)
        if sum(len(http.connections) for http in self._http.values()) < most:
            self._refusing = False
            return self._http[kind]()
        if not self._refusing:
            logger.warning("%d connections are open, as many as this process may have; more are refused", most)
        self._refusing = True
        return _Refusal()

    def _count_ports(self) -> None:
        names = (listener.getsockname() for server in self._listeners for listener in server.sockets)
        self._ports = frozenset(name[1] for name in names)

    def _http_server(self, listener: Listener) -> web_server.Server:
        return web_server.Server(
            partial(self._answer, listener),
            access_log=None,
            auto_decompress=False,  # S3 keeps a compressed upload as it came
            max_line_size=_LONGEST_FIELD,
            max_field_size=_LONGEST_FIELD,
            lingering_time=2.0,
        )

    def _client(self, received: BaseRequest, listener: Listener) -> Client:
        """The other end of the connection: looked up with its first request, and remembered as long as it lasts."""
        transport = received.transport
        client = self._clients.get(transport) if transport is not None else None
        if client is not None:
            return client
        own = transport.get_extra_info("sockname") if transport is not None else None
        peer = transport.get_extra_info("peername") if transport is not None else None
        if transport is None or not own or not peer:
            raise ClientGone
        own_user = listener is not Listener.ALL or is_own_user(
            self._peers, peer[:2], own[:2], self._gateway.site.runs_as
        )
        client = self._clients[transport] = Client(str(peer[0]), self._ports, str(own[0]), listener, own_user)
        return client

    async def _answer(self, listener: Listener, received: BaseRequest) -> StreamResponse:
        request = Request(received.method, received.raw_path, received.headers, lambda: _stream(received))
        try:
            response = await self._gateway.handle(request, self._client(received, listener))
        except ClientGone as error:
            raise ConnectionResetError("the client is gone") from error
        return await _write(received, response)


class _Refusal(asyncio.Protocol):
    """A connection that is closed at once."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.abort()


async def _stream(received: BaseRequest) -> AsyncIterator[bytes]:
    """The body as it comes. A client that waits for 100 Continue gets it now, when the body is read."""
    try:
        if received.headers.get("Expect", "").lower() == "100-continue" and received.version == HttpVersion11:
            await received.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            # Interim headers are no output: the final ones must still be written, with their own length.
            received.writer.output_size = 0
        content = received.content
        while True:
            chunk = await content.readany()
            if not chunk:
                return
            yield chunk
    except (ConnectionError, RequestPayloadError, PayloadAccessError) as error:
        raise ClientGone from error


async def _write(received: BaseRequest, response: Response) -> StreamResponse:
    body = response.body
    response.headers["Server"] = "harness"
    if isinstance(body, bytes):
        whole = WholeResponse(body=body, status=response.status, reason=response.reason, headers=response.headers)
        _close_after_unread_body(received, whole)
        return whole
    answer = StreamResponse(status=response.status, reason=response.reason, headers=response.headers)
    _close_after_unread_body(received, answer)
    if isinstance(body, FileBody):
        answer.content_length = body.length
        if received.method == "HEAD" or body.length == 0:
            await answer.prepare(received)
        else:
            await _send_file(received, answer, body)
    else:
        await answer.prepare(received)
        async for chunk in body:
            await answer.write(chunk)
    await answer.write_eof()
    return answer


def _close_after_unread_body(received: BaseRequest, answer: StreamResponse) -> None:
    """Close the connection after a final answer that came before the whole body was read (RFC 9110, section 10.1.1).

    A client that waits for "100 Continue" never sends the body after a final answer, so what it sends next cannot be
    told from that body.
    """
    if not received.content.is_eof():
        answer.force_close()


async def _send_file(received: BaseRequest, answer: StreamResponse, body: FileBody) -> None:
    loop = asyncio.get_running_loop()
    file = await loop.run_in_executor(None, body.path.open, "rb")
    try:
        writer = await answer.prepare(received)
        transport = received.transport
        if transport is None or writer is None:
            raise ConnectionResetError("the client is gone")
        writer.send_headers()
        await writer.drain()
        sent = await loop.sendfile(transport, file, body.offset, body.length)
        if sent != body.length:
            # The length was promised; only breaking the connection tells the client that the rest is missing.
            transport.close()
            raise ConnectionResetError(f"{body.path} ended {body.length - sent} bytes early")
    finally:
        file.close()
