"""Bodies at a limited rate: uploads are read, and downloads sent, no faster than so many bytes a second."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

from harness.kernel.http import FileBody, Request, Response

_PIECES = 20
"""A second: small enough that a body crawls rather than stutters."""


def slowly_read(request: Request, rate: float) -> Request:
    stream = request.stream
    return replace(request, stream=lambda: _pace(stream(), rate))


def slowly_sent(response: Response, rate: float) -> Response:
    """Return the same answer at a limited rate. Its Content-Length stays."""
    body = response.body
    if isinstance(body, bytes):
        response.headers["Content-Length"] = str(len(body))
        source = _one(body)
    elif isinstance(body, FileBody):
        response.headers["Content-Length"] = str(body.length)
        source = _read(body, max(1, int(rate / _PIECES)))
    else:
        source = body
    return replace(response, body=_pace(source, rate))


async def _pace(source: AsyncIterator[bytes], rate: float) -> AsyncIterator[bytes]:
    piece = max(1, int(rate / _PIECES))
    async for chunk in source:
        for start in range(0, len(chunk), piece):
            part = chunk[start : start + piece]
            await asyncio.sleep(len(part) / rate)
            yield part


async def _one(body: bytes) -> AsyncIterator[bytes]:
    if body:
        yield body


async def _read(body: FileBody, piece: int) -> AsyncIterator[bytes]:
    left, offset = body.length, body.offset
    while left:
        part = await asyncio.to_thread(_part, body.path, offset, min(piece, left))
        if not part:
            return
        left, offset = left - len(part), offset + len(part)
        yield part


def _part(path: Path, offset: int, length: int) -> bytes:
    with path.open("rb") as file:
        file.seek(offset)
        return file.read(length)
