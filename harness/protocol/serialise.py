"""Turns an operation's answer, or an error, into status, headers and body. Only modelled members are sent."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from harness.kernel.errors import ApiError
from harness.protocol.model import JSON, OperationModel, ServiceModel, Shape

JSON_TYPE = {JSON: "application/x-amz-json-1.1"}


class WireResponse(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


def serialise(operation: OperationModel, answer: Mapping[str, Any] | None) -> WireResponse:
    shape = operation.output
    answer = answer or {}
    content_type = JSON_TYPE.get(operation.service.protocol, "application/json")
    if shape is None:
        # Without an output shape, JSON 1.1 services send an empty body; REST clients expect an empty object.
        body = b"" if operation.service.protocol == JSON else b"{}"
        return WireResponse(operation.status, {"Content-Type": content_type}, body)
    if operation.service.protocol == JSON:
        return WireResponse(operation.status, {"Content-Type": content_type}, _dump(_structure(shape, answer)))
    headers = {
        member.wire_name: _text(answer[member.name])
        for member in shape.members.values()
        if member.location == "header" and answer.get(member.name) is not None
    }
    if shape.payload is None:
        headers.setdefault("Content-Type", content_type)
        return WireResponse(operation.status, headers, _dump(_structure(shape, answer)))
    payload = shape.members[shape.payload].shape
    value = answer.get(shape.payload)
    if payload.kind == "blob":
        return WireResponse(operation.status, headers, value or b"")
    headers.setdefault("Content-Type", content_type)
    return WireResponse(operation.status, headers, _dump(_value(payload, value or {})))


def serialise_error(service: ServiceModel, error: ApiError, request_id: str) -> WireResponse:
    """Serialise an error. A modelled error gets the status and the members of its shape."""
    shape = service.shape(error.code) if service.has_shape(error.code) else None
    status = (shape.status if shape else None) or error.status
    text = {name.lower(): name for name in shape.members}.get("message", "message") if shape else "message"
    document: dict[str, Any] = {text: error.message}
    if shape:
        document.update(_structure(shape, error.members))
    headers = {"x-amzn-ErrorType": error.code}
    if service.protocol == JSON:
        document = {"__type": error.code, **document}
    headers["Content-Type"] = JSON_TYPE.get(service.protocol, "application/json")
    return WireResponse(status, headers, _dump(document))


def _dump(document: Any) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


def _structure(shape: Shape, answer: Mapping[str, Any]) -> dict[str, Any]:
    members = shape.members
    return {
        members[name].wire_name: _value(members[name].shape, value)
        for name, value in answer.items()
        if value is not None and name in members and not members[name].location
    }


def _value(shape: Shape, value: Any) -> Any:
    kind = shape.kind
    if kind == "structure":
        return _structure(shape, value)
    if kind == "list":
        item = shape.item
        return [_value(item, entry) for entry in value]
    if kind == "map":
        entry_shape = shape.value
        return {str(key): _value(entry_shape, entry) for key, entry in value.items()}
    if kind == "timestamp":
        return _epoch(value)
    if kind == "blob":
        return base64.b64encode(value.encode() if isinstance(value, str) else value).decode()
    if kind in ("float", "double") and not math.isfinite(value):
        return "NaN" if math.isnan(value) else f"{'-' if value < 0 else ''}Infinity"  # JSON has no numbers for these
    if kind == "string":
        return value if isinstance(value, str) else _text(value)
    return value


def _epoch(value: datetime | float) -> float:
    """Return seconds since the epoch, rounded to milliseconds as AWS's answers are."""
    return round(value.timestamp() if isinstance(value, datetime) else value, 3)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
