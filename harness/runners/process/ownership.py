"""Whose the files are that a job of a root emulator works on: the job's user's while it runs."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from harness.runners.modes import entries
from harness.runners.process.users import JobUser


def give_to_job(folder: Path, user: JobUser) -> None:
    """Everything in a folder (or a file) that nobody writes to now. What is the job's already stays as it is."""
    for path, status in entries(folder):
        if not user.owns(status.st_uid):
            os.lchown(path, user.first, user.first)


def take_back(folder: Path, user: JobUser) -> None:
    """Give what jobs of the user left in a folder to root. The kernel clears setuid and setgid of files by that."""
    for path, status in entries(folder):
        if user.owns(status.st_uid):
            with contextlib.suppress(OSError):
                os.lchown(path, 0, 0)
