"""Enters the namespaces of a job: which there are is found out by trying. Mounts nothing."""

from __future__ import annotations

import os

from . import linux

_NEEDED = linux.CLONE_NEWNS | linux.CLONE_NEWPID
_WISHED = (
    ("network", linux.CLONE_NEWNET),
    ("ipc", linux.CLONE_NEWIPC),
    ("hostname", linux.CLONE_NEWUTS),
)


def enter(without: list[str]) -> list[str]:
    """Unshare all that the kernel grants; names what was granted. Raises ``OSError`` when the needed ones are refused.

    PID namespaces hold for children only: the caller forks next.
    """
    if os.geteuid() == 0:
        try:
            linux.unshare(_NEEDED)
            return ["mount", "pid"] + _wished(without)
        except PermissionError:
            pass  # root of a container without the capability: a user namespace may still be granted
    uid, gid = os.geteuid(), os.getegid()
    linux.unshare(linux.CLONE_NEWUSER)
    map_identity(uid, gid, 0, 0)
    linux.unshare(_NEEDED)
    return ["user", "mount", "pid"] + _wished(without)


def _wished(without: list[str]) -> list[str]:
    granted = []
    for name, flag in _WISHED:
        if name in without:
            continue
        try:
            linux.unshare(flag)
        except OSError:
            continue
        granted.append(name)
    return granted


def map_identity(uid: int, gid: int, inner_uid: int, inner_gid: int) -> None:
    """In a new user namespace: the caller, and nobody else, is known there as ``inner_uid``."""
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{inner_uid} {uid} 1")
    _write("/proc/self/gid_map", f"{inner_gid} {gid} 1")


def _write(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)
