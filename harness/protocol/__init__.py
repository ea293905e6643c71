"""The wire protocol: turns requests into parameters and answers into responses, by botocore's models.

Pure functions, which know the shape of a request and not what it means.
"""

from __future__ import annotations

from harness.protocol.model import OperationModel, ServiceModel, service_model
from harness.protocol.parse import MalformedRequest, WireRequest, parse
from harness.protocol.serialise import WireResponse, serialise, serialise_error
from harness.protocol.validate import validate

__all__ = [
    "MalformedRequest",
    "OperationModel",
    "ServiceModel",
    "WireRequest",
    "WireResponse",
    "parse",
    "serialise",
    "serialise_error",
    "service_model",
    "validate",
]
