"""Which processes a process started, read from ``/proc``."""

from __future__ import annotations

import os
import signal


def children(pid: int) -> list[int]:
    """Direct children, whichever thread started them."""
    found: list[int] = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children", encoding="ascii") as file:
                found += [int(child) for child in file.read().split()]
    except OSError:
        return found or _children_by_parent(pid)
    return found


def _children_by_parent(parent: int) -> list[int]:
    """For kernels built without the ``children`` file."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit() and parent_of(int(name)) == parent]


def parent_of(pid: int) -> int:
    """0 when there is no such process."""
    fields = status_fields(pid)
    return int(fields[1]) if fields else 0


def start_time(pid: int) -> str:
    """Together with the id it names a process for good, as ids are used again."""
    fields = status_fields(pid)
    return fields[19] if fields else ""


def ended(pid: int) -> bool:
    """Whether there is no such process, or nothing left of it but its exit code."""
    return status_fields(pid)[:1] in ([], ["Z"])


def status_fields(pid: int) -> list[str]:
    """``/proc/<pid>/stat`` from the state on (the name before it may hold anything)."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()
    except OSError:
        return []


def descendants(pid: int) -> list[int]:
    found: list[int] = []
    waiting = [pid]
    while waiting:
        for child in children(waiting.pop()):
            if child not in found:
                found.append(child)
                waiting.append(child)
    return found


def kill_descendants(pid: int) -> None:
    for found in descendants(pid):
        try:
            os.kill(found, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
