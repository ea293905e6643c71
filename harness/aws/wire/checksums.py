"""S3's object checksums over streams. CRC32C and CRC64NVME need ``awscrt``, which is used where it is installed."""

from __future__ import annotations

import base64
import hashlib
import importlib
import zlib
from collections.abc import Callable, Iterable
from typing import Any, Protocol

ALGORITHMS = ("CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256")


class Digest(Protocol):
    def update(self, block: bytes, /) -> None: ...

    def digest(self) -> bytes: ...


class _Crc:
    def __init__(self, step: Callable[[bytes, int], int], size: int) -> None:
        self._step = step
        self._size = size
        self._value = 0

    def update(self, block: bytes) -> None:
        self._value = self._step(block, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(self._size, "big")


def digest_for(algorithm: str) -> Digest | None:
    """Return a digest for an algorithm of S3; None if this installation cannot compute it."""
    if algorithm == "CRC32":
        return _Crc(zlib.crc32, 4)
    if algorithm == "SHA1":
        return hashlib.sha1(usedforsecurity=False)
    if algorithm == "SHA256":
        return hashlib.sha256()
    crt = _crt()
    if crt is None or algorithm not in ALGORITHMS:
        return None
    return _Crc(crt.crc32c, 4) if algorithm == "CRC32C" else _Crc(crt.crc64nvme, 8)


def checksum_text(algorithm: str, blocks: Iterable[bytes]) -> str | None:
    digest = digest_for(algorithm)
    if digest is None:
        return None
    for block in blocks:
        digest.update(block)
    return base64.b64encode(digest.digest()).decode()


def checksum_of_text(algorithm: str, checksums: list[str]) -> str | None:
    """Return the composite checksum of an object's parts: the checksum of their checksums."""
    if not all(checksums):
        return None
    return checksum_text(algorithm, [base64.b64decode(text) for text in checksums])


def _crt() -> Any:
    try:
        return importlib.import_module("awscrt.checksums")
    except ImportError:
        return None
