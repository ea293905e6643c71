"""The protocol of the emulator's control socket, on which other processes hand it open descriptors (SCM_RIGHTS).

A client sends one byte that says what the descriptors are for:

SERVE    a listening socket, bound to the emulator's port in another network namespace; the emulator serves it until
         the connection is closed
PREPARE  an open file with a program request: a warm interpreter is to be kept ready for it
FORK     a program request, a channel and an output: a warm interpreter is to run the program now

The emulator answers with one byte, DONE or REFUSED, or closes the connection when the message makes no sense.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path

SOCKET_NAME = "control.sock"
SERVE, PREPARE, FORK = b"L", b"W", b"F"
DONE, REFUSED = b"K", b"N"

_LONGEST_PATH = 100  # bytes that fit into the address of a unix socket on every system


@contextlib.contextmanager
def socket_address(path: Path) -> Iterator[str]:
    """Yield an address for the socket's path: the path itself, or one through its open folder when it is too long."""
    if len(str(path).encode()) <= _LONGEST_PATH:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def send(connection: socket.socket, path: Path, message: bytes, descriptors: Sequence[int]) -> None:
    """Connect to the control socket at ``path`` and send it a message. ``OSError`` when nobody listens there."""
    with socket_address(path) as address:
        connection.connect(address)
    socket.send_fds(connection, [message], list(descriptors))
