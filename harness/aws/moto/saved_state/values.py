"""Encodes values that JSON lacks as objects with one member whose name begins with ``$``."""

from __future__ import annotations

import base64
import re
import threading
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

_KEYS = (RSAPrivateKey, EllipticCurvePrivateKey)

_REBUILT: Mapping[str, Callable[[], Any]] = {
    "threading.Lock": threading.Lock,
    "threading.RLock": threading.RLock,
    "threading.Condition": threading.Condition,
    "threading.Event": threading.Event,
}
"""Classes without storable content. A new instance replaces them."""
_REBUILT_NAMES = {type(make()): name for name, make in _REBUILT.items()}

_TO_JSON: Mapping[type, tuple[str, Callable[[Any], Any]]] = {
    bytes: ("$bytes", lambda value: base64.b64encode(value).decode()),
    bytearray: ("$bytearray", lambda value: base64.b64encode(value).decode()),
    datetime: ("$datetime", datetime.isoformat),
    date: ("$date", date.isoformat),
    timedelta: ("$timedelta", lambda value: [value.days, value.seconds, value.microseconds]),
    Decimal: ("$decimal", str),
    UUID: ("$uuid", str),
    float: ("$float", repr),
}
_FROM_JSON: Mapping[str, Callable[[Any], Any]] = {
    "$bytes": base64.b64decode,
    "$bytearray": lambda text: bytearray(base64.b64decode(text)),
    "$datetime": datetime.fromisoformat,
    "$date": date.fromisoformat,
    "$timedelta": lambda parts: timedelta(*parts),
    "$decimal": Decimal,
    "$uuid": UUID,
    "$float": float,
    "$pattern": lambda parts: re.compile(*parts),
    "$new": lambda name: _REBUILT[name](),
    "$private_key": lambda text: serialization.load_pem_private_key(text.encode(), password=None),
}


def value_to_json(value: Any) -> dict[str, Any] | None:
    """Encode a value; None for a value of another type. A ``float`` must be one that JSON cannot express."""
    kind = type(value)
    if kind in _TO_JSON:
        name, convert = _TO_JSON[kind]
        return {name: convert(value)}
    if kind in _REBUILT_NAMES:
        return {"$new": _REBUILT_NAMES[kind]}
    if kind is re.Pattern and isinstance(value.pattern, str):
        return {"$pattern": [value.pattern, value.flags & ~re.UNICODE]}
    if isinstance(value, _KEYS):
        return {"$private_key": _pem(value)}
    return None


def value_from_json(name: str, stored: Any) -> Any:
    """Decode a value. Raise ``KeyError`` for a name that this version does not know."""
    return _FROM_JSON[name](stored)


def _pem(key: Any) -> str:
    text: bytes = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return text.decode()
