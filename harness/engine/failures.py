"""Why a job failed, in SageMaker's shapes. ``JobFailed`` ends a job with that FailureReason; nothing else may."""

from __future__ import annotations

import errno

from harness.runners.spec import Cause, Outcome

LIMIT = 1024


class JobFailed(Exception):
    """``reason`` starts with ``ClientError:``, ``AlgorithmError:`` or ``InternalServerError:``."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason[:LIMIT]


def exit_reason(outcome: Outcome, message: str) -> str:
    """The FailureReason of a program that ended badly; ``message`` is what it wrote into its failure or message file."""
    if outcome.cause is Cause.NOT_STARTED:
        return f"ClientError: {outcome.message}"
    killed = " (killed by SIGKILL: out of memory, or from outside)" if outcome.code == 137 else ""
    ending = f", exit code: {outcome.code}{killed}"
    return f"AlgorithmError: {message.strip()[: LIMIT - len(ending) - 16]}{ending}"


def internal_reason(error: BaseException, where: str) -> str:
    return f"InternalServerError: {where}: {type(error).__name__}: {error}"[:LIMIT]


def system_reason(error: OSError, where: str) -> str:
    """A full disk is not a defect of the emulator, and whoever reads of it can do something about it."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"ClientError: No space left on device: the disk of the state folder is full ({where})"
    return internal_reason(error, where)
