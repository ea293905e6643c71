"""Why a program was not started. Raised and caught within the runner: outside it is an outcome."""

from __future__ import annotations


class NotStarted(Exception):
    """The message names the remedy where there is one; ``code`` is what a container runtime would exit with."""

    def __init__(self, message: str, code: int = 125) -> None:
        super().__init__(message)
        self.code = code


class EnvironmentMissing(NotStarted):
    """The Python environment of an image is not installed and cannot be, here and now."""


class PythonMissing(EnvironmentMissing):
    """It cannot be built as this machine has no Python of the release it wants."""


class IsolationRefused(Exception):
    """This host does not grant the network namespace that was asked for."""
