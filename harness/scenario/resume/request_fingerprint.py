"""Requests and answers as JSON: a fingerprint of a request, and answers encoded and decoded. Pure."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

_TIME, _BYTES = "$time", "$bytes"
_PASSING = ("ClientRequestToken", "Timestamp")
"""Members that differ each time the same request is made."""


def fingerprint(service: str, operation: str, params: Mapping[str, Any]) -> str:
    """Return a text that is equal for equal requests; empty for a body that can be read only once."""
    plain = _plain(params)
    if plain is None:
        return ""
    digest = hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()
    return f"{service} {operation} {digest}"


def encode(value: Any) -> Any:
    """Encode a value as JSON; return None for one that cannot be written."""
    try:
        return json.loads(json.dumps(value, default=_encode_special))
    except TypeError:
        return None


def decode(value: Any) -> Any:
    """Decode a value that ``encode`` has written."""
    if isinstance(value, list):
        return [decode(each) for each in value]
    if not isinstance(value, dict):
        return value
    if _TIME in value:
        return datetime.fromisoformat(value[_TIME])
    if _BYTES in value:
        return base64.b64decode(value[_BYTES])
    return {name: decode(each) for name, each in value.items()}


def _encode_special(value: Any) -> Any:
    if isinstance(value, datetime):
        return {_TIME: value.isoformat()}
    if isinstance(value, (bytes, bytearray)):
        return {_BYTES: base64.b64encode(value).decode()}
    raise TypeError(type(value))


def _plain(value: Any) -> Any:
    """Return a value without its times; None for one that has no fixed content."""
    if isinstance(value, Mapping):
        members = {str(name): _plain(each) for name, each in value.items() if name not in _PASSING and each is not None}
        return None if None in members.values() else members
    if isinstance(value, (list, tuple)):
        items = [_plain(each) for each in value]
        return None if None in items else items
    if isinstance(value, datetime):
        return "time"
    if isinstance(value, (bytes, bytearray)):
        return hashlib.sha256(value).hexdigest()
    return value if isinstance(value, (str, int, float, bool)) else None
