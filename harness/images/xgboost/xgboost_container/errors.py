"""The three kinds of failure the container reports. Their texts end up in the job's FailureReason."""

from __future__ import annotations


class ContainerError(Exception):
    def __init__(self, message: str, caused_by: Exception | None = None) -> None:
        if caused_by is not None:
            message += " (caused by {})".format(type(caused_by).__name__)
        super().__init__(message)


class UserError(ContainerError):
    """The caller can avoid this one by sending something else."""


class AlgorithmError(ContainerError):
    """Something the caller cannot avoid went wrong inside the algorithm."""


class PlatformError(ContainerError):
    """The surroundings do not offer what the contract promises."""
