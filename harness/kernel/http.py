"""HTTP requests and responses as values: handlers return a ``Response``, and only the server speaks HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs

from multidict import CIMultiDict, CIMultiDictProxy

MOST_CONTAINERS = 200_000
"""The most objects and lists a JSON document may have. Parsing more would block all other threads for too long."""


def has_too_many_containers(document: bytes) -> bool:
    """Return True if a JSON document has too many objects and lists to be parsed.

    Counts brackets before parsing, because the parser blocks every other thread. Brackets in strings are counted too.
    """
    return len(document) > MOST_CONTAINERS and document.count(b"[") + document.count(b"{") > MOST_CONTAINERS


@dataclass(frozen=True)
class Request:
    """A request as received. The body can be read once. Small bodies arrive whole; S3 uploads are streamed."""

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
    """A response body of ``length`` bytes of a file from ``offset``, sent from disk without loading it into memory."""

    path: Path
    offset: int
    length: int


@dataclass(frozen=True)
class Response:
    status: int = 200
    headers: CIMultiDict[str] = field(default_factory=CIMultiDict)
    body: bytes | FileBody | AsyncIterator[bytes] = b""
    reason: str | None = None
    """The text of the status line; None for the usual text of the status code."""
