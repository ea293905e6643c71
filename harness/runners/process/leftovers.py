"""Ends and removes what a killed emulator left behind. Touches only what lies in, or points into, its job folders."""

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
    """Programs that escaped their attendant; again and again until none is found, as they may fork."""
    killed: list[int] = []
    until = time.monotonic() + _PATIENCE
    while (found := folders.users_of(folder)) and time.monotonic() < until:
        for pid in found:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        killed += [pid for pid in found if pid not in killed]
        time.sleep(0.01)
    return killed


def kill_and_remove(owner: Path) -> list[str]:
    """``owner`` is the folder of a runner whose process is gone; what was found is named."""
    names = [f"process {pid}" for pid in kill_users_of(owner)]
    names += [f"folder of job {job.name.partition('-')[2]}" for job in sorted(owner.iterdir())]
    remove_tree(owner)
    return names
