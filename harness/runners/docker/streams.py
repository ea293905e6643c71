"""The output of a container as the engine sends it: one socket, frames of stdout and stderr."""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Iterator
from typing import Any

_HEADER = struct.Struct(">BxxxI")
_CHUNK = 1 << 16


class OutputStream:
    """``attached`` is what the client's ``attach_socket`` gave; it is held, as its end would close the socket."""

    def __init__(self, attached: Any) -> None:
        self._attached = attached
        self._socket: socket.socket = getattr(attached, "_sock", attached)
        self._socket.settimeout(None)

    def chunks(self) -> Iterator[bytes]:
        """In the order the engine got them, until stdout and stderr are both closed. ``OSError`` when it breaks off."""
        while header := self._exactly(_HEADER.size):
            left: int = _HEADER.unpack(header)[1]
            while left:
                chunk = self._socket.recv(min(left, _CHUNK))
                if not chunk:
                    return
                left -= len(chunk)
                yield chunk

    def end(self) -> None:
        """Thread-safe: whoever reads finds the end."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.end()
        with contextlib.suppress(OSError):
            self._attached.close()
            self._socket.close()

    def _exactly(self, size: int) -> bytes:
        """``size`` bytes; none at the end."""
        found = b""
        while len(found) < size:
            chunk = self._socket.recv(size - len(found))
            if not chunk:
                return b""
            found += chunk
        return found
