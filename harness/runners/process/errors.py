"""Errors for programs that cannot be started. Outside the runner they appear as the program's outcome."""

from __future__ import annotations


class NotStarted(Exception):
    """A program cannot be started. The message names the remedy; ``code`` is a container runtime's exit code."""

    def __init__(self, message: str, code: int = 125) -> None:
        super().__init__(message)
        self.code = code


class EnvironmentMissing(NotStarted):
    """The Python environment of an image is not installed and cannot be installed now."""


class PythonMissing(EnvironmentMissing):
    """The environment cannot be built because this machine has no Python of the required version."""


class IsolationRefused(Exception):
    """This host does not allow the network namespace that the program needs."""
