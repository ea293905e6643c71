"""Finds out which user the process at the other end of a TCP connection belongs to, where the system tells."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import struct
from pathlib import Path
from typing import NamedTuple

_SOCK_DIAG = 4  # the netlink protocol; numbers from linux/netlink.h, sock_diag.h and inet_diag.h
_SOCK_DIAG_BY_FAMILY = 20
_NLM_F_REQUEST = 1
_NLMSG_ERROR = 2
_TCP_LISTEN = 10
_ALL_STATES = 0xFFFFFFFF
_NO_COOKIE = b"\xff" * 8
_HEADER = struct.Struct("=IHHII")
_REQUEST = struct.Struct("=BBBBI")
_ADDRESSES = struct.Struct("!HH16s16s4x8s")
_UID_AND_INODE = struct.Struct("=II")
_STATE_AT = _HEADER.size + 1
_UID_AT = _HEADER.size + 4 + _ADDRESSES.size + 12


class Peer(NamedTuple):
    """The other end of a connection, as the system describes it. ``uid`` is None if no process here holds it."""

    uid: int | None


class PeerLookup:
    """Asks the kernel by netlink for one socket, in about 10 µs; else reads ``/proc/net/tcp``. Not thread-safe."""

    def __init__(self) -> None:
        self._netlink: socket.socket | None = None
        with contextlib.suppress(OSError, AttributeError):
            self._netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _SOCK_DIAG)
            self._netlink.settimeout(1.0)
            self._netlink.connect((0, 0))

    def close(self) -> None:
        if self._netlink is not None:
            self._netlink.close()
            self._netlink = None

    def find(self, peer: tuple[str, int], own: tuple[str, int]) -> Peer | None:
        """The peer of the connection between these addresses; None where the system does not tell."""
        if self._netlink is not None:
            try:
                return _ask_kernel(self._netlink, peer, own)
            except OSError:
                self.close()  # a sandbox may have the socket family and not this protocol
        return _read_table(peer, own)


def _ask_kernel(netlink: socket.socket, peer: tuple[str, int], own: tuple[str, int]) -> Peer:
    family = socket.AF_INET6 if ":" in peer[0] else socket.AF_INET
    addresses = _ADDRESSES.pack(peer[1], own[1], _pack(peer[0]), _pack(own[0]), _NO_COOKIE)
    message = _REQUEST.pack(family, socket.IPPROTO_TCP, 0, 0, _ALL_STATES) + addresses
    netlink.send(_HEADER.pack(_HEADER.size + len(message), _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST, 1, 0) + message)
    answer = netlink.recv(4096)
    if _HEADER.unpack_from(answer)[1] == _NLMSG_ERROR:
        code = -struct.unpack_from("=i", answer, _HEADER.size)[0]
        if code == 2:  # ENOENT: there is no such socket
            return Peer(None)
        raise OSError(code, "sock_diag")
    uid, inode = _UID_AND_INODE.unpack_from(answer, _UID_AT)
    # A socket that was closed already has no inode and counts as root's; the kernel falls back on listening ones.
    return Peer(uid if inode and answer[_STATE_AT] != _TCP_LISTEN else None)


def _pack(address: str) -> bytes:
    return ipaddress.ip_address(address.partition("%")[0]).packed.ljust(16, b"\0")


def _read_table(peer: tuple[str, int], own: tuple[str, int]) -> Peer | None:
    table = Path("/proc/net/tcp6" if ":" in peer[0] else "/proc/net/tcp")
    try:
        lines = table.read_text().splitlines()[1:]
    except OSError:
        return None
    if not lines:
        return None  # ours at least would be there, if the system showed any
    addresses = [_as_in_table(*peer), _as_in_table(*own)]
    for line in lines:
        columns = line.split()
        if columns[1:3] == addresses:
            return Peer(int(columns[7]) if columns[9] != "0" else None)
    return Peer(None)


def _as_in_table(address: str, port: int) -> str:
    packed = ipaddress.ip_address(address.partition("%")[0]).packed
    words = struct.unpack(f"={len(packed) // 4}I", packed)
    return "".join(f"{word:08X}" for word in words) + f":{port:04X}"
