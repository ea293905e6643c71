"""The error tree. ``ApiError`` and its subclasses are answers to a client; anything else raised is our own defect.

ApiError                        code, HTTP status, message in the service's words
├── ValidationException         400  malformed or impossible request (control plane)
├── ValidationError             400  the same where the API models it: runtime, feature store
├── ResourceNotFound            400  for the nouns whose API models this error
├── ResourceInUse               400  the name is taken
├── ConflictException           409
├── UnsupportedOperation        501  the emulator does not serve this (never a fake success)
├── ModelError                  424  the model's container answered with an error
└── InternalFailure             500
GuardRefused                    a guard says no: wrong account, budget, no consent; ends a command, not a request
StateError                      the state folder, the port or the machine is not fit; ends a command, not a request
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class ApiError(Exception):
    """An answer to the client: ``code`` as in the API model, HTTP ``status``, and further modelled ``members``."""

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
    """The environment is not fit: shown as one line naming the remedy, with exit code 3."""


class GuardRefused(Exception):
    """A guard says no: shown as one line naming the remedy, with exit code 4."""
