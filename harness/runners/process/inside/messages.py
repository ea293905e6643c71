"""Small JSON messages with file descriptors, sent over a unix ``SOCK_SEQPACKET`` pair."""

from __future__ import annotations

import array
import json
import os
import socket
import struct
from typing import Any, NamedTuple

_MOST_BYTES = 65536
_MOST_DESCRIPTORS = 8
_CREDENTIALS = struct.Struct("iII")


class Message(NamedTuple):
    body: dict[str, Any]
    descriptors: list[int]
    sender: int
    """The sender's process id in this process's PID namespace; 0 if the socket does not receive it."""


def pair() -> tuple[socket.socket, socket.socket]:
    """Return a pair ``(ours, theirs)``; messages received on ``ours`` contain the sender's process id."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    return ours, theirs


def send(channel: socket.socket, body: dict[str, Any], descriptors: list[int] | None = None) -> None:
    ancillary = []
    if descriptors:
        ancillary.append((socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors).tobytes()))
    channel.sendmsg([json.dumps(body).encode()], ancillary)


def receive(channel: socket.socket) -> Message | None:
    """Return the next message, or None if the other side has closed the socket."""
    room = socket.CMSG_SPACE(_MOST_DESCRIPTORS * array.array("i").itemsize) + socket.CMSG_SPACE(_CREDENTIALS.size)
    try:
        data, ancillary, _, _ = channel.recvmsg(_MOST_BYTES, room, socket.MSG_CMSG_CLOEXEC)
    except ConnectionResetError:
        return None
    descriptors = array.array("i")
    sender = 0
    for level, kind, content in ancillary:
        if level != socket.SOL_SOCKET:
            continue
        if kind == socket.SCM_RIGHTS:
            descriptors.frombytes(content[: len(content) - len(content) % descriptors.itemsize])
        elif kind == socket.SCM_CREDENTIALS:
            sender = _CREDENTIALS.unpack(content[: _CREDENTIALS.size])[0]
    if not data:
        for descriptor in descriptors:
            os.close(descriptor)
        return None
    return Message(json.loads(data.decode()), list(descriptors), sender)
