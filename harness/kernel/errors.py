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
GuardRefused                    a safety check failed (wrong account, budget, no consent); ends a command
StateError                      the state folder, the port or the machine cannot be used; ends a command
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


class StateError(Exception):
    """The environment cannot be used. Printed as one line that names the remedy, with exit code 3."""


class GuardRefused(Exception):
    """A safety check refused to go on. Printed as one line that names the remedy, with exit code 4."""
