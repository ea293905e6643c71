"""Ownership of a job's files when root runs the emulator: they belong to the job's user while the job runs."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from harness.runners.modes import entries
from harness.runners.process.users import JobUser


def give_to_job(folder: Path, user: JobUser) -> None:
    """Make the job's user the owner of a file, or of everything in a folder. Files it owns already are unchanged."""
    for path, status in entries(folder):
        if not user.owns(status.st_uid):
            os.lchown(path, user.first, user.first)


def take_back(folder: Path, user: JobUser) -> None:
    """Give files of the job's user in a folder back to root; this also clears their setuid and setgid bits."""
    for path, status in entries(folder):
        if user.owns(status.st_uid):
            with contextlib.suppress(OSError):
                os.lchown(path, 0, 0)
