"""Writes JSON as the service's JVM mapper does: `"key" : value`, arrays on one line, doubles as Java prints them."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np

# Between these bounds Java and Python print a double alike; outside Java switches to its E notation.
_PLAIN_FROM, _PLAIN_TO = 1e-3, 1e7


def write_json(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(pretty(value), encoding="utf-8")


def pretty(value: Any, indent: str = "") -> str:
    """Objects open a new line per member; arrays stay on their line, even around objects."""
    if isinstance(value, dict):
        if not value:
            return "{ }"
        inner = indent + "  "
        members = [f"{inner}{_text(str(key))} : {pretty(member, inner)}" for key, member in value.items()]
        return "{\n" + ",\n".join(members) + "\n" + indent + "}"
    if isinstance(value, np.ndarray):
        return _doubles(value)
    if isinstance(value, (list, tuple)):
        return "[ " + ", ".join(pretty(item, indent) for item in value) + " ]" if value else "[ ]"
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        text = java_double(value)
        return text if math.isfinite(value) else f'"{text}"'
    return _text(value)


def java_double(value: float) -> str:
    """`Double.toString`: at least one decimal, E notation below 1e-3 and from 1e7."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if value == 0 or _PLAIN_FROM <= abs(value) < _PLAIN_TO:
        return repr(value)
    sign = "-" if value < 0 else ""
    mantissa, _, exponent = repr(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    power = int(exponent or 0) + len(whole) - 1 - (len(whole + fraction) - len(digits))
    digits = digits.rstrip("0")
    return f"{sign}{digits[0]}.{digits[1:] or '0'}E{power}"


def _doubles(values: np.ndarray[Any, Any]) -> str:
    if not len(values):
        return "[ ]"
    numbers = values.tolist()
    texts = list(map(repr, numbers))
    size = np.abs(values)
    for index in np.flatnonzero(~((size >= _PLAIN_FROM) & (size < _PLAIN_TO)) & (size != 0)).tolist():
        texts[index] = pretty(numbers[index])
    return "[ " + ", ".join(texts) + " ]"


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)
