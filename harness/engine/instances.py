"""``Instance``: one live model server as invocations see it: an HTTP client that lives in the server's network."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from typing import Any

import aiohttp

from harness.engine.model_servers import ModelServer


class Unreachable(Exception):
    """No answer came: the server died, refused, or closed the connection."""


class Instance:
    """Invocations of one server, over kept-alive connections; used on the server's event loop only."""

    def __init__(self, server: ModelServer) -> None:
        self.server = server
        self._session: aiohttp.ClientSession | None = None
        self._base = ""

    async def post(self, path: str, body: bytes, headers: Mapping[str, str], timeout: float) -> tuple[int, Mapping[str, str], bytes]:
        """``(status, headers, body)``; ``asyncio.TimeoutError`` after ``timeout`` seconds, ``Unreachable`` without an answer."""
        session = self._session or self._open()
        try:
            async with session.post(
                self._base + path, data=body, headers=headers, timeout=aiohttp.ClientTimeout(timeout)
            ) as answer:
                return answer.status, answer.headers, await answer.read()
        except asyncio.TimeoutError:
            raise
        except (aiohttp.ClientError, OSError) as error:
            raise Unreachable(str(error) or type(error).__name__) from error

    def stop(self, grace: float) -> None:
        """Thread-safe: ends the connections and the server, and waits for both."""
        session, self._session = self._session, None
        if session is not None and not self._loop.is_closed():
            asyncio.run_coroutine_threadsafe(session.close(), self._loop).result(5)
        self.server.stop(grace)

    def _open(self) -> aiohttp.ClientSession:
        probe, (host, port) = self.server.run.socket()
        probe.close()
        self._base = f"http://{host}:{port}"
        self._loop = asyncio.get_running_loop()
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=60, socket_factory=self._socket)
        self._session = aiohttp.ClientSession(connector=connector, auto_decompress=False, skip_auto_headers=_NO_EXTRAS)
        return self._session

    def _socket(self, _: Any) -> socket.socket:
        made, _address = self.server.run.socket()
        made.setblocking(False)
        return made


_NO_EXTRAS = ("User-Agent", "Accept-Encoding", "Accept", "Content-Type")
