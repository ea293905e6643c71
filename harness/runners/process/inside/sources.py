"""The host folders that make up a job's file system.

They are opened while the process still has the rights of the emulator's user, and mounted after it has become the
job's user, who may not be able to reach them by path.
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
        """Return whether an existing path leads to this source already."""
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


def clone_sources(filesystem: dict[str, Any], user_namespace: int) -> Sources | None:
    """Return copies of the mounts, which need no further rights; None if the kernel does not support that.

    Read-only sources appear as owned by the job's user if the file system supports it, because they may be readable by
    their owner only.
    """
    shown = {path for path, _ in filesystem["show"]} | {LOWER + path for path in filesystem["overlays"]}

    def clone(path: str, real: str) -> Source:
        descriptor = linux.clone_mount(real)
        if path in shown:
            try:
                linux.map_owners(descriptor, user_namespace)
            except OSError:
                pass  # not supported, for example on overlay file systems: the owner stays the same
        return Source(descriptor, is_clone=True)

    try:
        return _collect(filesystem, clone)
    except OSError:
        return None


def open_sources(filesystem: dict[str, Any]) -> Sources:
    """Return plain descriptors of the folders, for kernels without clones of mounts."""
    return _collect(filesystem, lambda _, real: Source(os.open(real, os.O_PATH | os.O_CLOEXEC), is_clone=False))


def _collect(filesystem: dict[str, Any], open_source: Callable[[str, str], Source]) -> Sources:
    sources: Sources = {}
    needed = [(ROOT, filesystem["root"]), (OPT_ML, filesystem["opt_ml"]), *filesystem["mounts"]]
    needed += [(LOWER + path, path) for path in filesystem["overlays"]]
    try:
        for path, real in needed:
            sources[path] = open_source(path, real)
        for path, real in filesystem["show"]:
            if os.path.exists(real):
                sources[path] = open_source(path, real)
    except OSError:
        for source in sources.values():
            source.close()
        raise
    return sources


def listening_sockets() -> list[str]:
    """Return the paths of the unix sockets in this process's network namespace."""
    try:
        with open("/proc/net/unix", encoding="utf-8", errors="surrogateescape") as table:
            words = [line.split(None, 7) for line in table]
    except OSError:
        return []
    paths = {fields[7].rstrip("\n") for fields in words if len(fields) == 8}
    return sorted(path for path in paths if path.startswith("/"))
