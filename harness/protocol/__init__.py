"""The wire: by botocore's models, requests become parameters and answers responses. Pure; knows no meaning."""

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
