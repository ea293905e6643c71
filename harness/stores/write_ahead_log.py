"""Check whether SQLite would read the whole of a write-ahead log, or drop the rest of it silently.

The format is described in "WAL-mode File Format" of SQLite's documentation: a header, then frames of one page each.
The checksum of a frame covers all frames before it, so SQLite stops at the first that does not fit. After a kill the
last frames may be of a change that was not finished. But a frame that finishes a change, behind one that does not fit,
was acknowledged once.
"""

from __future__ import annotations

import struct
from pathlib import Path

_MAGIC = {0x377F0682: "<", 0x377F0683: ">"}
"""The byte order of the words that the checksums add."""
_HEADER, _FRAME_HEADER = 32, 24
_PAGES = range(512, 65536 + 1)
_MASK = 0xFFFFFFFF


def read_problem(log: Path) -> str:
    """Return "damaged", "cut off" (the file ends in the middle of a frame), or nothing."""
    with log.open("rb") as stream:
        header = stream.read(_HEADER)
        if len(header) < _HEADER:
            return "damaged"
        magic, _, page, _, salt1, salt2, *found = struct.unpack(">8I", header)
        if magic not in _MAGIC or page not in _PAGES:
            return "damaged"
        order = _MAGIC[magic]
        sums = _add((0, 0), header[:24], order)
        if sums != tuple(found):
            return "damaged"
        whole = True
        while frame := stream.read(_FRAME_HEADER + page):
            if len(frame) < _FRAME_HEADER + page:
                return "cut off"
            _, size, *salts = struct.unpack(">4I", frame[:16])
            if salts != [salt1, salt2]:
                whole = False  # what an earlier round of the log left, or damage
                continue
            if whole:
                sums = _add(_add(sums, frame[:8], order), frame[_FRAME_HEADER:], order)
                whole = sums == struct.unpack(">2I", frame[16:_FRAME_HEADER])
            if not whole and size:
                return "damaged"
    return ""


def _add(sums: tuple[int, int], data: bytes, order: str) -> tuple[int, int]:
    """Go on with a checksum over whole pairs of words."""
    first, second = sums
    words = iter(struct.unpack(f"{order}{len(data) // 4}I", data))
    for even, odd in zip(words, words, strict=True):
        first = (first + even + second) & _MASK
        second = (second + odd + first) & _MASK
    return first, second
