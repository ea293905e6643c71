"""One HTTP exchange as values, so that handlers return answers and only the server speaks HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs

from multidict import CIMultiDict, CIMultiDictProxy

MOST_CONTAINERS = 200_000
"""Objects and lists of a JSON document: reading more keeps every other thread waiting for a good part of a second."""


def has_too_many_containers(document: bytes) -> bool:
    """Count before parsing: the parser lets no other thread run. Brackets within strings are counted too."""
    return len(document) > MOST_CONTAINERS and document.count(b"[") + document.count(b"{") > MOST_CONTAINERS


@dataclass(frozen=True)
class Request:
    """A request as received. ``body`` may be read once; small bodies come whole, S3 uploads are streamed."""

    method: str
    target: str
    """Path with query, percent-encoded exactly as on the wire."""
    headers: CIMultiDictProxy[str]
    stream: Callable[[], AsyncIterator[bytes]]

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def query(self) -> dict[str, list[str]]:
        return parse_qs(self.target.partition("?")[2], keep_blank_values=True)

    async def read(self) -> bytes:
        return b"".join([chunk async for chunk in self.stream()])


@dataclass(frozen=True)
class FileBody:
    """``length`` bytes of a file from ``offset``: sent from disk, never held in memory."""

    path: Path
    offset: int
    length: int


@dataclass(frozen=True)
class Response:
    status: int = 200
    headers: CIMultiDict[str] = field(default_factory=CIMultiDict)
    body: bytes | FileBody | AsyncIterator[bytes] = b""
    reason: str | None = None
    """The status line's own words, where the usual ones say too little."""
