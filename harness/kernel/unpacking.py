"""Limits for data that grows when it is unpacked: archives, gzip objects and sparse files."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

ALWAYS_ALLOWED = 10 << 30
"""The bytes that any data may unpack to, however small it is."""
LARGEST_RATIO = 200
"""Data larger than ``ALWAYS_ALLOWED`` may unpack to this many times its packed size. Weights of models compress to
about a half, text to a tenth, a file of zeros to a thousandth."""
RESERVE = 32 << 20
"""The disk space in bytes that stays free for the emulator's own files."""
HEADERS = 64 << 20
"""The most bytes that all headers of an archive may have together."""
BLOCK = 1 << 20


class Readable(Protocol):
    """The methods that are used of an open file or an unpacking stream."""

    def read(self, size: int = -1, /) -> bytes: ...

    def seek(self, position: int, whence: int = 0, /) -> int: ...

    def tell(self) -> int: ...


class TooLarge(Exception):
    """Data would unpack to more than the limit. The message names the limit."""


def size_limit(packed: int) -> int:
    """Return the most bytes that ``packed`` bytes of data may unpack to."""
    return max(ALWAYS_ALLOWED, LARGEST_RATIO * packed)


def unpacked_limit(packed: int, folder: Path) -> int:
    """Return the most bytes that ``packed`` bytes of data may unpack to below ``folder``, given its free disk space."""
    free = shutil.disk_usage(folder).free - RESERVE
    return max(0, min(free, size_limit(packed)))


def check_size(size: int, limit: int) -> None:
    """Raise ``TooLarge`` if ``size`` is above the limit."""
    if size > limit:
        raise TooLarge(f"it unpacks to more than {limit:,} bytes, the limit for its size and the free disk space")


def copy_limited(source: Readable, target: Callable[[bytes], object], limit: int) -> None:
    """Copy a stream block by block. Raise ``TooLarge`` before more than ``limit`` bytes are written."""
    size = 0
    while block := source.read(BLOCK):
        size += len(block)
        check_size(size, limit)
        target(block)


class LimitedStream:
    """A stream of an unpacked archive that protects ``tarfile`` and ``zipfile`` from harmful content.

    Such readers trust the sizes in headers and hold all headers in memory. So the position in the stream is limited,
    and
    the bytes read as headers, too. Everything read counts as headers until ``headers_left`` is set to None.
    """

    def __init__(self, stream: Readable, limit: int) -> None:
        self._stream = stream
        self._limit = limit
        self.headers_left: int | None = HEADERS

    def read(self, size: int = -1) -> bytes:
        check_size(self._stream.tell(), self._limit)
        if self.headers_left is not None:
            if size < 0 or size > self.headers_left:
                raise TooLarge(f"its headers have more than {HEADERS:,} bytes")
            self.headers_left -= size
        return self._stream.read(size)

    def seek(self, position: int, whence: int = 0) -> int:
        check_size(position, self._limit)
        return self._stream.seek(position, whence)

    def tell(self) -> int:
        return self._stream.tell()
