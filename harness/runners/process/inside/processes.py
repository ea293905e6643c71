"""Child processes and start times of processes, read from ``/proc``."""

from __future__ import annotations

import os
import signal


def children(pid: int) -> list[int]:
    """Return the direct children of all threads of a process."""
    pids: list[int] = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children", encoding="ascii") as file:
                pids += [int(child) for child in file.read().split()]
    except OSError:
        return pids or _children_by_parent(pid)
    return pids


def _children_by_parent(parent: int) -> list[int]:
    """Return the children of a process, for kernels without the ``children`` file."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit() and parent_of(int(name)) == parent]


def parent_of(pid: int) -> int:
    """Return the parent's process id; 0 if the process does not exist."""
    fields = status_fields(pid)
    return int(fields[1]) if fields else 0


def start_time(pid: int) -> str:
    """Return the start time of a process; with the id it identifies the process, because ids are reused."""
    fields = status_fields(pid)
    return fields[19] if fields else ""


def has_ended(pid: int) -> bool:
    """Return whether a process does not exist or is a zombie."""
    return status_fields(pid)[:1] in ([], ["Z"])


def status_fields(pid: int) -> list[str]:
    """Return the fields of ``/proc/<pid>/stat`` after the name, which may contain any character."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()
    except OSError:
        return []


def descendants(pid: int) -> list[int]:
    pids: list[int] = []
    waiting = [pid]
    while waiting:
        for child in children(waiting.pop()):
            if child not in pids:
                pids.append(child)
                waiting.append(child)
    return pids


def kill_descendants(pid: int) -> None:
    for each in descendants(pid):
        try:
            os.kill(each, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
