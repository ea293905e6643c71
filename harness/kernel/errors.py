"""The error tree. ``ApiError`` and its subclasses become responses; any other error in a request is a harness bug.

ApiError                        code, HTTP status, message as AWS words it
├── ValidationException         400  malformed or impossible request (control plane)
├── ValidationError             400  the same where the API models it: runtime, feature store
├── ResourceNotFound            400  for resources whose API models this error
├── ResourceInUse               400  the name is taken
├── ConflictException           409
├── UnsupportedOperation        501  the emulator does not implement this
├── ModelError                  424  the model's container returned an error
└── InternalFailure             500
UserError                       what a user can fix: problem and remedy; ends a command, not a request
 ├── GuardRefused                a safety check failed: wrong account, budget, no consent
 ├── UnknownImage                no image stands for a URI (contract/catalog.py)
 └── StateError                  the state folder, the port or the machine cannot be used
     └── ConfigurationError      a file that the user writes has a wrong key or value
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class ApiError(Exception):
    """An error response: ``code`` as in the API model, HTTP ``status``, and the error's other modelled ``members``."""

    code = "InternalFailure"
    status = 500

    def __init__(self, message: str, **members: Any) -> None:
        super().__init__(message)
        self.message = message
        self.members: Mapping[str, Any] = members


class ValidationException(ApiError):
    code = "ValidationException"
    status = 400


class ValidationError(ApiError):
    code = "ValidationError"
    status = 400


class ResourceNotFound(ApiError):
    code = "ResourceNotFound"
    status = 400


class ResourceInUse(ApiError):
    code = "ResourceInUse"
    status = 400


class ConflictException(ApiError):
    code = "ConflictException"
    status = 409


class UnsupportedOperation(ApiError):
    code = "UnsupportedOperationException"
    status = 501


class ModelError(ApiError):
    code = "ModelError"
    status = 424


class InternalFailure(ApiError):
    code = "InternalFailure"
    status = 500


class UserError(Exception):
    """An error that a user can fix. Its text is "problem; remedy", or the problem alone when no remedy is known."""

    def __init__(self, problem: str, remedy: str = "") -> None:
        super().__init__(f"{problem}; {remedy}" if remedy else problem)
        self.problem = problem
        self.remedy = remedy


class StateError(UserError):
    """The environment is not fit. The command line shows it in one line and ends with exit code 3."""


class ConfigurationError(StateError):
    """A key or a value in a file that the user writes makes no sense.

    ``problem`` does not repeat the file's name, the text begins with it. ``key`` is the name to look for in the file.
    """

    def __init__(self, file: str, problem: str, remedy: str = "", *, key: str = "", line: int = 0) -> None:
        super().__init__(f"{file}: {problem}", remedy)
        self.problem = problem
        self.file = file
        self.key = key
        self.line = line


class GuardRefused(UserError):
    """A guard says no. The command line shows it in one line and ends with exit code 4."""
