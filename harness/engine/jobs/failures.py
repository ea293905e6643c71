"""Why a job failed, in SageMaker's shapes. ``JobFailed`` ends a job with that FailureReason; nothing else may."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

from harness.runners.spec import Cause, Outcome

LIMIT = 1024
NO_ROOM = 1 << 16


class JobFailed(Exception):
    """``reason`` starts with ``ClientError:``, ``AlgorithmError:`` or ``InternalServerError:``."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason[:LIMIT]


def exit_reason(outcome: Outcome, message: str) -> str:
    """The reason of a program that ended badly; ``message`` is what it wrote into its failure or message file."""
    if outcome.cause is Cause.NOT_STARTED:
        return f"ClientError: {outcome.message}"
    killed = " (killed by SIGKILL: out of memory, or from outside)" if outcome.code == 137 else ""
    ending = f", exit code: {outcome.code}{killed}"
    return f"AlgorithmError: {message.strip()[: LIMIT - len(ending) - 16]}{ending}"


def internal_reason(error: BaseException, where: str) -> str:
    """The reason of a defect of the emulator. The text of an OSError is left out: it names a path of this machine."""
    text = error.strerror if isinstance(error, OSError) else error
    return f"InternalServerError: {where}: {type(error).__name__}: {text}"[:LIMIT]


def full_disk_reason(where: str) -> str:
    """A full disk is not a defect of the emulator, and whoever reads of it can do something about it."""
    return f"ClientError: No space left on device: the disk of the state folder is full ({where})"


def disk_is_full(folder: Path, error: BaseException | None = None) -> bool:
    """The error says so, or it came while there was no room: not every library passes the system's error on."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    existing = next(existing for existing in (folder, *folder.parents) if existing.exists())
    return shutil.disk_usage(existing).free < NO_ROOM
