"""Clean-up after a killed emulator: processes that use its job folders, and the folders themselves."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

from harness.kernel.removal import remove_tree
from harness.runners.process import folders

_PATIENCE = 5.0


def kill_users_of(folder: Path) -> list[int]:
    """Kill processes that use the folder, repeatedly until there are none, because they may fork; return their ids."""
    killed: list[int] = []
    until = time.monotonic() + _PATIENCE
    while (pids := folders.users_of(folder)) and time.monotonic() < until:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        killed += [pid for pid in pids if pid not in killed]
        time.sleep(0.01)
    return killed


def kill_and_remove(owner: Path) -> list[str]:
    """Kill the processes and remove the folder of a runner that has ended; return what was removed."""
    names = [f"process {pid}" for pid in kill_users_of(owner)]
    names += [f"folder of job {job.name.partition('-')[2]}" for job in sorted(owner.iterdir())]
    remove_tree(owner)
    return names
