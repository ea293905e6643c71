"""The folders of the host that a job's file system is made of.

They are opened while the process still has the rights of whoever started the emulator, and mounted once it is the
job's own user, who may not reach them by their paths.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from typing import Any, Dict

from . import linux

ROOT = "/"
OPT_ML = "/opt/ml"
LOWER = "lower:"
"""Before the path of a Python environment: its source as the read-only layer of an overlay."""


class Source:
    """One folder or file of the host, to be mounted once."""

    def __init__(self, descriptor: int, is_clone: bool) -> None:
        self._descriptor = descriptor
        self._is_clone = is_clone

    def is_folder(self) -> bool:
        return stat.S_ISDIR(os.fstat(self._descriptor).st_mode)

    def is_at(self, path: str) -> bool:
        """Whether the path, which exists, leads to it already."""
        return os.path.samestat(os.stat(path), os.fstat(self._descriptor))

    def mount(self, target: str) -> None:
        if self._is_clone:
            linux.attach_mount(self._descriptor, target)
        else:
            linux.mount(f"/proc/self/fd/{self._descriptor}", target, None, linux.MS_BIND | linux.MS_REC)
        self.close()

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


Sources = Dict[str, Source]
"""Sources by the path at which the job sees them."""


def cloned(place: dict[str, Any], user_namespace: int) -> Sources | None:
    """Copies of the mounts: nobody's rights are asked again. None where the kernel does not offer them.

    What is only shown is made to look owned by the job's user where the file system can do that: it may be readable
    by its owner alone.
    """
    shown = {path for path, _ in place["show"]} | {LOWER + path for path in place["overlays"]}

    def clone(path: str, real: str) -> Source:
        descriptor = linux.clone_mount(real)
        if path in shown:
            try:
                linux.map_owners(descriptor, user_namespace)
            except OSError:
                pass  # as on overlay file systems: it shows as it is, readable if all may read it
        return Source(descriptor, is_clone=True)

    try:
        return _collect(place, clone)
    except OSError:
        return None


def opened(place: dict[str, Any]) -> Sources:
    """Plain descriptors, of the mount namespace that the process is in."""
    return _collect(place, lambda _, real: Source(os.open(real, os.O_PATH | os.O_CLOEXEC), is_clone=False))


def _collect(place: dict[str, Any], open_source: Callable[[str, str], Source]) -> Sources:
    found: Sources = {}
    needed = [(ROOT, place["root"]), (OPT_ML, place["opt_ml"]), *place["mounts"]]
    needed += [(LOWER + path, path) for path in place["overlays"]]
    try:
        for path, real in needed:
            found[path] = open_source(path, real)
        for path, real in place["show"]:
            if os.path.exists(real):
                found[path] = open_source(path, real)
    except OSError:
        for source in found.values():
            source.close()
        raise
    return found


def listening_sockets() -> list[str]:
    """Paths of the unix sockets that exist in the network the process is in."""
    try:
        with open("/proc/net/unix", encoding="utf-8", errors="surrogateescape") as table:
            words = [line.split(None, 7) for line in table]
    except OSError:
        return []
    paths = {fields[7].rstrip("\n") for fields in words if len(fields) == 8}
    return sorted(path for path in paths if path.startswith("/"))
