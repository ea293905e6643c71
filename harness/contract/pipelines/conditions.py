"""Conditions of a Condition step. A list of conditions holds if all of them hold."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

from harness.contract.pipelines.expressions import UndefinedExpression

_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "Equals": operator.eq,
    "NotEquals": operator.ne,
    "GreaterThan": operator.gt,
    "GreaterThanOrEqualTo": operator.ge,
    "LessThan": operator.lt,
    "LessThanOrEqualTo": operator.le,
}
_IN = {"In": True, "NotIn": False}
TYPES = frozenset({*_COMPARISONS, *_IN, "Not", "Or"})


def holds(condition: Mapping[str, Any], evaluate: Callable[[Any], Any]) -> bool:
    """Say if a condition holds. ``evaluate`` replaces expressions by their values."""
    kind = condition["Type"]
    if kind == "Not":
        return not holds(condition["Condition"], evaluate)
    if kind == "Or":
        return any(holds(item, evaluate) for item in condition["Conditions"])
    if kind in _IN:
        # The SDK writes QueryValue and Values; the published schema has Value and In.
        value = evaluate(condition["QueryValue"] if "QueryValue" in condition else condition["Value"])
        choices = evaluate(condition["Values"] if "Values" in condition else condition["In"])
        return (value in choices) is _IN[kind]
    return _compare(kind, evaluate(condition["LeftValue"]), evaluate(condition["RightValue"]))


def _compare(kind: str, left: Any, right: Any) -> bool:
    if kind not in ("Equals", "NotEquals") and _order(left) != _order(right):
        raise UndefinedExpression(
            f"Condition {kind} cannot compare {left!r} with {right!r}: one is a number and the other one is not."
        )
    return _COMPARISONS[kind](left, right)


def _order(value: Any) -> str:
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__


def members_of(kind: str) -> tuple[tuple[str, ...], ...]:
    """Return the members that a condition needs; of each tuple one is enough."""
    if kind in _COMPARISONS:
        return ("LeftValue",), ("RightValue",)
    if kind in _IN:
        return ("QueryValue", "Value"), ("Values", "In")
    return (("Condition",),) if kind == "Not" else (("Conditions",),)
