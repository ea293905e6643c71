"""Writes JSON as batch transform does, whose agent is a Go program: compact, names sorted, numbers as Go prints
them."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

_EXPONENT = re.compile(r"e([+-])0(\d)$")


def json_text(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ",".join(f"{_scalar(name)}:{json_text(value[name])}" for name in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(json_text, value)) + "]"
    return _number(value) if isinstance(value, float) else _scalar(value)


def _scalar(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _number(value: float) -> str:
    """Return the shortest digits of the number, without an exponent from 1e-6 up to 1e21."""
    if value == 0 or 1e-6 <= abs(value) < 1e21:
        return format(Decimal(repr(value)), "f").removesuffix(".0")
    return _EXPONENT.sub(r"e\1\2", repr(value))
