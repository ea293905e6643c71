"""``Proxy``: forwards requests to another address, streamed both ways. Only small answers are held in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from multidict import CIMultiDict

from harness.kernel.http import Request, Response

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession

WHOLE = 64 * 1024
"""Answers up to this size are read before they are forwarded."""
CHUNK = 256 * 1024
CONNECT_SECONDS = 5.0
QUIET_SECONDS = 300.0
CONNECTIONS = 128
_LONGEST_FIELD = 64 * 1024
_ONE_HOP = frozenset({"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"})
_ADDED = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")


class BackendUnreachable(Exception):
    """No server answers at the address, or the connection broke before the answer began."""


class Proxy:
    def __init__(self, address: str, *, proxied: bool = False) -> None:
        self._address = address.rstrip("/")
        self._proxied = proxied
        self._sessions: WeakKeyDictionary[asyncio.AbstractEventLoop, ClientSession] = WeakKeyDictionary()
        self._lives: list[AsyncIterator[ClientSession]] = []

    async def pass_on(
        self, request: Request, target: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> Response:
        """Forward a request with another ``target``, ``headers`` and, if it was read already, ``body``."""
        from aiohttp import ClientError
        from yarl import URL

        session = await self._session()
        sent: CIMultiDict[str] = CIMultiDict(
            (name, value)
            for name, value in headers.items()
            if name.lower() not in _ONE_HOP and name.lower() != "expect"
        )
        upload = _Upload(request) if body is None and _announces_body(request) else None
        try:
            answer = await session.request(
                request.method,
                URL(self._address + target, encoded=True),  # unchanged, because a signature may cover it
                headers=sent,
                data=upload.blocks() if upload else body,
                skip_auto_headers=[name for name in _ADDED if name not in sent],
                allow_redirects=False,
            )
            return await _response(request, answer, upload)
        except (ClientError, TimeoutError, asyncio.TimeoutError, ConnectionError) as error:
            if upload is not None and upload.broken is not None:
                raise upload.broken from None
            raise BackendUnreachable(f"{self._address} does not answer: {error or type(error).__name__}") from error

    async def _session(self) -> ClientSession:
        loop = asyncio.get_running_loop()
        session = self._sessions.get(loop)
        if session is None:
            # A loop closes the generators that are open at its end: so the session lives as long as the loop.
            life = self._life()
            session = self._sessions[loop] = await anext(life)
            self._lives.append(life)
        return session

    async def _life(self) -> AsyncIterator[ClientSession]:
        from aiohttp import ClientSession, ClientTimeout, DummyCookieJar, TCPConnector

        timeout = ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=QUIET_SECONDS)
        session = ClientSession(
            connector=TCPConnector(limit=CONNECTIONS),
            timeout=timeout,
            auto_decompress=False,
            cookie_jar=DummyCookieJar(),
            trust_env=self._proxied,
            read_bufsize=CHUNK,
            max_line_size=_LONGEST_FIELD,
            max_field_size=_LONGEST_FIELD,
        )
        try:
            yield session
        finally:
            await session.close()
            await asyncio.sleep(0)  # lets closed transports close their sockets


class _Upload:
    """A request's body while it is forwarded. Notes whether the client's connection broke, which the server handles."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self.broken: Exception | None = None
        self.whole = False

    async def blocks(self) -> AsyncIterator[bytes]:
        try:
            async for block in self._request.stream():
                yield block
        except Exception as error:
            self.broken = error
            raise
        self.whole = True

    async def drain(self) -> None:
        """Read the rest of the body, so that the client sees the refusal and not a broken connection.

        A client that waits for ``100 Continue`` sends nothing.
        """
        if not self.whole and self.broken is None and "expect" not in self._request.headers:
            async for _ in self._request.stream():
                pass


def _announces_body(request: Request) -> bool:
    return request.headers.get("Content-Length", "0") != "0" or "Transfer-Encoding" in request.headers


async def _response(request: Request, answer: ClientResponse, upload: _Upload | None) -> Response:
    headers: CIMultiDict[str] = CIMultiDict(
        (name, value) for name, value in answer.headers.items() if name.lower() not in _ONE_HOP
    )
    headers.popall("Server", None)
    headers.popall("Date", None)
    empty = request.method == "HEAD" or answer.status in (204, 304)
    length = answer.content_length
    if empty or answer.status >= 400 or (length is not None and length <= WHOLE):
        try:
            body = await answer.read()
        finally:
            answer.close() if upload is not None and not upload.whole else answer.release()
        if upload is not None:
            await upload.drain()
        if not empty:
            headers.popall("Content-Length", None)
        return Response(answer.status, headers, body)
    return Response(answer.status, headers, _blocks(answer))


async def _blocks(answer: ClientResponse) -> AsyncIterator[bytes]:
    try:
        async for block in answer.content.iter_any():
            yield block
    finally:
        answer.close() if not answer.content.at_eof() else answer.release()
