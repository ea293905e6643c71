"""Retry policies of a step: which errors they are for, and how long to wait before the next attempt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

SERVICE_FAULT, THROTTLING = "Step.SERVICE_FAULT", "Step.THROTTLING"
INTERNAL_ERROR, CAPACITY_ERROR = "SageMaker.JOB_INTERNAL_ERROR", "SageMaker.CAPACITY_ERROR"
RESOURCE_LIMIT = "SageMaker.RESOURCE_LIMIT"
EXCEPTIONS = (SERVICE_FAULT, THROTTLING, INTERNAL_ERROR, CAPACITY_ERROR, RESOURCE_LIMIT)


def check_policies(policies: Sequence[Mapping[str, Any]]) -> str:
    """Return what is wrong with the retry policies of a step. Empty if nothing is."""
    for policy in policies:
        unknown = [name for name in _exceptions(policy) if name not in EXCEPTIONS]
        if unknown:
            return f"the retry policy's ExceptionType {unknown[0]!r} is none of {', '.join(EXCEPTIONS)}."
        if ("MaxAttempts" in policy) and ("ExpireAfterMin" in policy):
            return "a retry policy has MaxAttempts or ExpireAfterMin, not both."
        for member, most in (("MaxAttempts", 20), ("ExpireAfterMin", 14400), ("IntervalSeconds", 43200)):
            if not 1 <= policy.get(member, 1) <= most:
                return f"the retry policy's {member} {policy[member]} is not from 1 to {most}."
    return ""


def classify(code: str, status: int) -> str:
    """Return the exception type for an error of a Create operation. Empty for one that no policy is for."""
    if code == "ResourceLimitExceeded":
        return RESOURCE_LIMIT
    if code in ("ThrottlingException", "Throttling"):
        return THROTTLING
    return SERVICE_FAULT if status >= 500 and status != 501 else ""


def classify_failure(reason: str) -> str:
    """Return the exception type for a job's FailureReason. Empty for one that no policy is for."""
    prefixes = {"InternalServerError": INTERNAL_ERROR, "CapacityError": CAPACITY_ERROR}
    return prefixes.get(reason.partition(":")[0], "")


def pause_before_retry(
    policies: Sequence[Mapping[str, Any]], exception: str, attempts: int, elapsed: float
) -> float | None:
    """Return the seconds to wait after ``attempts`` attempts, the first of which began ``elapsed`` seconds ago.

    None if no policy allows another attempt.
    """
    for policy in policies:
        if exception in _exceptions(policy):
            pause = policy.get("IntervalSeconds", 1) * policy.get("BackoffRate", 2.0) ** (attempts - 1)
            if "ExpireAfterMin" in policy:
                return float(pause) if elapsed + pause < policy["ExpireAfterMin"] * 60 else None
            # That MaxAttempts counts the retries, and not the first attempt, is assumed.
            return float(pause) if attempts <= policy.get("MaxAttempts", 5) else None
    return None


def _exceptions(policy: Mapping[str, Any]) -> Sequence[str]:
    exceptions = policy["ExceptionType"]
    return [exceptions] if isinstance(exceptions, str) else list(exceptions)
