"""Reading a container's output: Docker Engine sends frames of stdout and stderr over one socket."""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Iterator
from typing import Any

_HEADER = struct.Struct(">BxxxI")
_CHUNK = 1 << 16


class OutputStream:
    """Output of a container. ``attached`` is the result of ``attach_socket``; a reference keeps its socket open."""

    def __init__(self, attached: Any) -> None:
        self._attached = attached
        self._socket: socket.socket = getattr(attached, "_sock", attached)
        self._socket.settimeout(None)

    def chunks(self) -> Iterator[bytes]:
        """Yield output in order until stdout and stderr are both closed. Raise ``OSError`` if the connection breaks."""
        while header := self._read_exactly(_HEADER.size):
            left: int = _HEADER.unpack(header)[1]
            while left:
                chunk = self._socket.recv(min(left, _CHUNK))
                if not chunk:
                    return
                left -= len(chunk)
                yield chunk

    def end(self) -> None:
        """End the stream: readers in other threads see its end. Thread-safe."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.end()
        with contextlib.suppress(OSError):
            self._attached.close()
            self._socket.close()

    def _read_exactly(self, size: int) -> bytes:
        """Read exactly ``size`` bytes; return no bytes at the end of the stream."""
        data = b""
        while len(data) < size:
            chunk = self._socket.recv(size - len(data))
            if not chunk:
                return b""
            data += chunk
        return data
