"""The containers' output as compose shows it: each line behind its container's name."""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
import termios
import threading
import time

_STDOUT = 1
_DRAIN_SECONDS = 5.0
_READER_SECONDS = 0.1


class Lines:
    """Thread-safe. ``broken`` once nobody reads any more."""

    def __init__(self, width: int) -> None:
        self._width = width
        self._lock = threading.Lock()
        self._unfinished: dict[str, bytes] = {}
        self.broken = False

    def chunk(self, label: str, chunk: bytes) -> None:
        lines = (self._unfinished.get(label, b"") + chunk).split(b"\n")
        self._unfinished[label] = lines.pop()
        if lines:
            self._write(b"".join(self._line(label, line) for line in lines))

    def end(self, label: str) -> None:
        rest = self._unfinished.pop(label, b"")
        if rest:
            self._write(self._line(label, rest))

    def say(self, line: str) -> None:
        self._write(line.encode() + b"\n")

    def drain(self) -> None:
        """Until the reader has all. SDK v2 stops reading the moment that this process has ended."""
        until = time.monotonic() + _DRAIN_SECONDS
        with contextlib.suppress(OSError):
            while time.monotonic() < until and _waiting(_STDOUT):
                time.sleep(0.005)
            if os.isatty(_STDOUT) or self.broken:
                return
        time.sleep(_READER_SECONDS)  # it still has a buffer of lines to print

    def _line(self, label: str, line: bytes) -> bytes:
        return f"{label:<{self._width}}  | ".encode() + line.rstrip(b"\r") + b"\n"

    def _write(self, data: bytes) -> None:
        with self._lock:
            try:
                while data and not self.broken:
                    data = data[os.write(_STDOUT, data) :]
            except BrokenPipeError:
                self.broken = True


def _waiting(descriptor: int) -> int:
    """Bytes that were written and not read yet."""
    answer = fcntl.ioctl(descriptor, termios.FIONREAD, struct.pack("i", 0))
    count: int = struct.unpack("i", answer)[0]
    return count
