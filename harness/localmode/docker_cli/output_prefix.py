"""The output of containers as compose prints it: each line begins with the name of its container."""

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
    """Writer of complete lines, safe for several threads. ``broken`` is true once the reader has gone."""

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
        """Wait until the reader has read everything, because SDK v2 stops reading when this process ends."""
        until = time.monotonic() + _DRAIN_SECONDS
        with contextlib.suppress(OSError):
            while time.monotonic() < until and _waiting(_STDOUT):
                time.sleep(0.005)
            if os.isatty(_STDOUT) or self.broken:
                return
        time.sleep(_READER_SECONDS)  # the reader still prints the lines in its buffer

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
    """Return how many bytes of a pipe were written and not read yet."""
    answer = fcntl.ioctl(descriptor, termios.FIONREAD, struct.pack("i", 0))
    count: int = struct.unpack("i", answer)[0]
    return count
