"""Step caching: which members of a step's arguments make its cache key, and for how long a result counts."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

# Developer guide, "Caching Pipeline Steps": default cache key attributes by pipeline step type.
_KEY_MEMBERS: Mapping[str, tuple[str, ...]] = {
    "Processing": ("AppSpecification", "Environment", "ProcessingInputs"),
    "Training": (
        *("AlgorithmSpecification", "CheckpointConfig", "DebugHookConfig", "DebugRuleConfigurations"),
        *("Environment", "HyperParameters", "InputDataConfig"),
    ),
    "Transform": ("DataProcessing", "Environment", "ModelName", "TransformInput"),
}
_UNITS = {"Y": 31_536_000, "M": 2_592_000, "W": 604_800, "D": 86_400}
_TIME_UNITS = {"H": 3600, "M": 60, "S": 1}
_DURATION = re.compile(r"P?(?P<date>(?:\d+[YMWD])*)(?:T(?P<time>(?:\d+[HMS])+))?", re.IGNORECASE)


def cache_key(kind: str, arguments: Mapping[str, Any]) -> str:
    """Return the digest of the evaluated arguments that count. Empty for a type of step that is not cached."""
    members = _KEY_MEMBERS.get(kind)
    if members is None:
        return ""
    counted = {member: arguments.get(member) for member in members}
    return hashlib.sha256(json.dumps(counted, sort_keys=True).encode()).hexdigest()


def read_expiry(text: Any) -> float | None:
    """Return the seconds of a duration: ``PT1H``, ``P30D``, or short as ``30d`` and ``T16m``. None for other texts."""
    match = _DURATION.fullmatch(text) if isinstance(text, str) else None
    if match is None or not (match["date"] or match["time"]):
        return None
    return _seconds(match["date"], _UNITS) + _seconds(match["time"] or "", _TIME_UNITS)


def _seconds(text: str, units: Mapping[str, int]) -> float:
    return float(sum(int(number) * units[unit.upper()] for number, unit in re.findall(r"(\d+)(\D)", text)))
