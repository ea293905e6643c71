"""Entering the namespaces of a job; trying shows which of them the kernel allows."""

from __future__ import annotations

import os
import socket
import sys

from . import links, linux, messages

_NEEDED = linux.CLONE_NEWNS | linux.CLONE_NEWPID
_OPTIONAL = (
    ("network", linux.CLONE_NEWNET),
    ("ipc", linux.CLONE_NEWIPC),
    ("hostname", linux.CLONE_NEWUTS),
)


def enter(without: list[str], user_namespace: int | None) -> list[str]:
    """Enter all namespaces that the kernel allows; return their names. Raise ``OSError`` if required ones are refused.

    They belong to a user namespace, so that they give no rights on the host: ``user_namespace``, which an emulator run
    by root creates for its jobs and any emulator for the hosts of one job, or a new one in which the caller is root.
    A PID namespace applies to children only: the caller forks next, and the child calls ``become_root``.
    """
    if user_namespace is None:
        uid, gid = os.geteuid(), os.getegid()
        linux.unshare(linux.CLONE_NEWUSER)
        map_identity(uid, gid, 0, 0)
    else:
        linux.join_namespace(user_namespace, linux.CLONE_NEWUSER)
    linux.unshare(_NEEDED)
    return ["user", "mount", "pid"] + _optional_namespaces(without)


def become_root() -> None:
    """Become root of the user namespace that was joined: on the host, an ordinary user that owns nothing there."""
    os.setgroups([])
    os.setresgid(0, 0, 0)
    os.setresuid(0, 0, 0)


def hold_new_user_namespace() -> None:
    """Create a user namespace, report it, and keep it until the waiting emulator has mapped and opened it."""
    try:
        linux.unshare(linux.CLONE_NEWUSER)
    except OSError as error:
        sys.exit(str(error))
    sys.stdout.write("made\n")
    sys.stdout.flush()
    sys.stdin.read()


def make_links(channel: socket.socket, user_namespace: int | None) -> None:
    """Make the network namespace that connects the hosts of one job; send it with the user namespace it belongs to.

    Everything lasts as long as the receiver keeps the two descriptors open, or a host of the job runs.
    """
    try:
        if user_namespace is None:
            uid, gid = os.geteuid(), os.getegid()
            linux.unshare(linux.CLONE_NEWUSER)
            map_identity(uid, gid, 0, 0)
        else:
            linux.join_namespace(user_namespace, linux.CLONE_NEWUSER)
        linux.unshare(linux.CLONE_NEWNET)
        links.make_bridge()
        made = [os.open(f"/proc/self/ns/{kind}", os.O_RDONLY) for kind in ("user", "net")]
    except OSError as error:
        messages.send(channel, {"event": "refused", "why": str(error)})
        return
    messages.send(channel, {"event": "linked"}, made)


def _optional_namespaces(without: list[str]) -> list[str]:
    granted = []
    for name, flag in _OPTIONAL:
        if name in without:
            continue
        try:
            linux.unshare(flag)
        except OSError:
            continue
        granted.append(name)
    return granted


def map_identity(uid: int, gid: int, inner_uid: int, inner_gid: int) -> None:
    """Map only the caller's ids into a new user namespace, as ``inner_uid`` and ``inner_gid``."""
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{inner_uid} {uid} 1")
    _write("/proc/self/gid_map", f"{inner_gid} {gid} 1")


def _write(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)
