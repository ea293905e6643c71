"""Network links between the hosts of one job, made by netlink messages (rtnetlink(7)): a bridge, and a cable to each.

The bridge is in a network namespace of the job's own. Each host has one end of a cable (veth(4)) as its ``eth0``.
"""

from __future__ import annotations

import os
import socket
import struct

from . import linux

BRIDGE = "hosts"
INTERFACE = "eth0"
PREFIX = 16
"""The length of the network part of the hosts' addresses."""

_NEW_LINK, _DELETE_LINK, _NEW_ADDRESS, _ERROR = 16, 17, 20, 2
_REQUEST, _ACKNOWLEDGE, _EXCLUSIVE, _CREATE = 0x1, 0x4, 0x200, 0x400
_UP = 1
_NAME, _MASTER, _LINK_INFO, _NAMESPACE = 3, 10, 18, 28
_KIND, _DATA, _PEER = 1, 2, 1
_ADDRESS, _LOCAL = 1, 2
_HEADER = struct.Struct("=IHHII")


def make_bridge() -> None:
    """Make the bridge in this process's network namespace. Raise ``OSError`` if the kernel has no bridges or cables."""
    _ask(_NEW_LINK, _CREATE | _EXCLUSIVE, _link(0, True) + _open_by_name(BRIDGE) + _of_kind("bridge"))
    _make_cable("trial", "other", None)
    _ask(_DELETE_LINK, 0, _link(socket.if_nametoindex("trial"), False))


def plug_in(bridge_namespace: int, number: int, address: str) -> None:
    """Connect this process's network namespace to the bridge, with an ``eth0`` that has the address.

    ``bridge_namespace`` is a descriptor of the bridge's network namespace, and ``number`` tells the job's hosts apart.
    """
    own = os.open("/proc/self/ns/net", os.O_RDONLY)
    try:
        linux.join_namespace(bridge_namespace, linux.CLONE_NEWNET)
        try:
            cable = f"host{number}"
            _make_cable(cable, INTERFACE, own)
            master = _attribute(_MASTER, struct.pack("=I", socket.if_nametoindex(BRIDGE)))
            _ask(_NEW_LINK, 0, _link(socket.if_nametoindex(cable), True) + master)
        finally:
            linux.join_namespace(own, linux.CLONE_NEWNET)
    finally:
        os.close(own)
    index = socket.if_nametoindex(INTERFACE)
    _ask(_NEW_LINK, 0, _link(index, True))
    packed = socket.inet_aton(address)
    body = struct.pack("=BBBBI", socket.AF_INET, PREFIX, 0, 0, index)
    _ask(_NEW_ADDRESS, _CREATE | _EXCLUSIVE, body + _attribute(_LOCAL, packed) + _attribute(_ADDRESS, packed))


def _make_cable(name: str, other: str, namespace: int | None) -> None:
    """Make a cable; its other end is in the network namespace of that descriptor, or in this one."""
    place = b"" if namespace is None else _attribute(_NAMESPACE, struct.pack("=I", namespace))
    peer = _attribute(_PEER, _link(0, False) + _open_by_name(other) + place)
    _ask(_NEW_LINK, _CREATE | _EXCLUSIVE, _link(0, False) + _open_by_name(name) + _of_kind("veth", peer))


def _link(index: int, up: bool) -> bytes:
    flag = _UP if up else 0
    return struct.pack("=BxHiII", socket.AF_UNSPEC, 0, index, flag, flag)


def _open_by_name(name: str) -> bytes:
    return _attribute(_NAME, name.encode() + b"\0")


def _of_kind(kind: str, data: bytes = b"") -> bytes:
    return _attribute(_LINK_INFO, _attribute(_KIND, kind.encode()) + (_attribute(_DATA, data) if data else b""))


def _attribute(kind: int, value: bytes) -> bytes:
    length = 4 + len(value)
    return struct.pack("=HH", length, kind) + value + b"\0" * (-length % 4)


def _ask(kind: int, flags: int, body: bytes) -> None:
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as kernel:
        kernel.bind((0, 0))
        kernel.send(_HEADER.pack(_HEADER.size + len(body), kind, _REQUEST | _ACKNOWLEDGE | flags, 1, 0) + body)
        answer = kernel.recv(65536)
    _, answered, _, _, _ = _HEADER.unpack_from(answer)
    code = struct.unpack_from("=i", answer, _HEADER.size)[0] if answered == _ERROR else 0
    if code:
        raise OSError(-code, f"links between hosts: {os.strerror(-code)}")
