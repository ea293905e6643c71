"""Requests and answers as JSON: what tells two requests apart, and answers written down and read again. Pure."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

_TIME, _BYTES = "$time", "$bytes"
_PASSING = ("ClientRequestToken", "Timestamp")
"""Members that are another's each time the same is asked."""


def fingerprint(service: str, operation: str, params: Mapping[str, Any]) -> str:
    """Equal for equal requests; empty for one with a body that can be read only once."""
    told = _plain(params)
    if told is None:
        return ""
    digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
    return f"{service} {operation} {digest}"


def encoded(value: Any) -> Any:
    """As JSON has it; None for what cannot be written down."""
    try:
        return json.loads(json.dumps(value, default=_written))
    except TypeError:
        return None


def decoded(value: Any) -> Any:
    if isinstance(value, list):
        return [decoded(each) for each in value]
    if not isinstance(value, dict):
        return value
    if _TIME in value:
        return datetime.fromisoformat(value[_TIME])
    if _BYTES in value:
        return base64.b64decode(value[_BYTES])
    return {name: decoded(each) for name, each in value.items()}


def _written(value: Any) -> Any:
    if isinstance(value, datetime):
        return {_TIME: value.isoformat()}
    if isinstance(value, (bytes, bytearray)):
        return {_BYTES: base64.b64encode(value).decode()}
    raise TypeError(type(value))


def _plain(value: Any) -> Any:
    """Without times; None for what has no fixed content."""
    if isinstance(value, Mapping):
        told = {str(name): _plain(each) for name, each in value.items() if name not in _PASSING and each is not None}
        return None if None in told.values() else told
    if isinstance(value, (list, tuple)):
        found = [_plain(each) for each in value]
        return None if None in found else found
    if isinstance(value, datetime):
        return "time"
    if isinstance(value, (bytes, bytearray)):
        return hashlib.sha256(value).hexdigest()
    return value if isinstance(value, (str, int, float, bool)) else None
