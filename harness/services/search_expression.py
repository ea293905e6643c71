"""Evaluates the SearchExpression of Search over documents: filters, nested filters, sub-expressions. Pure functions.

The rules are those of Filter, NestedFilters and SearchExpression in the SageMaker API reference.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timezone
from typing import Any

from harness.kernel.errors import ValidationException
from harness.services.search_properties import Document, items_at, leaf, values_at, walk

Test = Callable[[Document], bool]

MOST_CONDITIONS = 50
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def compile_expression(expression: Mapping[str, Any]) -> Test:
    """Return one test for the whole expression. Raise ``ValidationException`` if the expression is invalid."""
    _check_size(expression)
    return _expression(expression)


def names_in(expression: Mapping[str, Any]) -> Iterator[str]:
    """Yield every property name in the expression."""
    for item in expression.get("Filters", []):
        yield item["Name"]
    for nested in expression.get("NestedFilters", []):
        yield nested["NestedPropertyName"]
    for inner in expression.get("SubExpressions", []):
        yield from names_in(inner)


def comparable(value: Any) -> float | str:
    """Return a sort key for a value: a number if the value is one, else its text."""
    if isinstance(value, bool):
        return str(value).lower()
    number = _number(value)
    return number if number is not None else str(value)


def _check_size(expression: Mapping[str, Any]) -> None:
    conditions = _count(expression)
    if not conditions:
        raise ValidationException("SearchExpression: provide at least one subexpression, filter, or nested filter.")
    if conditions > MOST_CONDITIONS:
        raise ValidationException(
            f"SearchExpression holds {conditions} filters and subexpressions; {MOST_CONDITIONS} at most."
        )


def _count(expression: Mapping[str, Any]) -> int:
    nested = expression.get("NestedFilters", [])
    inner = expression.get("SubExpressions", [])
    own = len(expression.get("Filters", [])) + len(nested) + len(inner)
    return own + sum(len(item["Filters"]) for item in nested) + sum(_count(item) for item in inner)


def _expression(expression: Mapping[str, Any]) -> Test:
    tests = [_filter(item) for item in expression.get("Filters", [])]
    tests += [_parse_nested(item) for item in expression.get("NestedFilters", [])]
    tests += [_expression(item) for item in expression.get("SubExpressions", [])]
    if expression.get("Operator", "And") == "Or":
        return lambda document: any(test(document) for test in tests)
    return lambda document: all(test(document) for test in tests)


def _parse_nested(nested: Mapping[str, Any]) -> Test:
    """Return a test that is true if one object of a list passes every filter. Names may begin with the list's name."""
    path = nested["NestedPropertyName"]
    prefix = f"{path}.".lower()
    tests = [
        _filter(
            {**item, "Name": item["Name"][len(prefix) :] if item["Name"].lower().startswith(prefix) else item["Name"]}
        )
        for item in nested["Filters"]
    ]

    def test_objects(document: Document) -> bool:
        return any(all(test(item) for test in tests) for item in _objects(document, path))

    return test_objects


def _objects(document: Document, path: str) -> Iterator[Any]:
    for value in values_at(document, path):
        yield from value if isinstance(value, list) else [value]


def _filter(item: Mapping[str, str]) -> Test:
    operator = item.get("Operator", "Equals")
    path = item["Name"].split(".")
    if operator in ("Exists", "NotExists"):
        expected = operator == "Exists"
        return lambda document: any(True for _ in walk(document, path)) is expected
    if "Value" not in item:
        raise ValidationException(f"SearchExpression: the filter {item['Name']!r} with {operator} needs a Value.")
    compare = _COMPARISONS[operator](item["Name"], item["Value"])
    if operator == "NotEquals":
        return lambda document: not any(compare(leaf(value)) for value in items_at(document, path))
    return lambda document: any(compare(leaf(value)) for value in items_at(document, path))


def _number(value: Any) -> float | None:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    return float(value) if isinstance(value, str) and _NUMBER.fullmatch(value) else None


def _moment(text: str) -> float | None:
    """Read an ISO 8601 time, which is UTC if it has no offset. Return None for other text."""
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _equal(name: str, operand: str) -> Callable[[Any], bool]:
    """Return a comparison for equality. Names and ARNs ignore case; numbers are compared by value."""
    ignores_case = name.lower().endswith(("name", "arn"))
    number, moment = _number(operand), _moment(operand)
    whole = number is not None and name.lower().startswith("hyperparameters.") and re.fullmatch(r"[+-]?\d+", operand)

    def equal(value: Any) -> bool:
        actual = _number(value)
        if actual is not None and number is not None:
            return (int(actual) if whole else actual) == number
        if isinstance(value, float) and moment is not None:
            return int(value) == int(moment)
        return _text(value).lower() == operand.lower() if ignores_case else _text(value) == operand

    return equal


def _order_comparison(holds: Callable[[float, float], bool]) -> Callable[[str, str], Callable[[Any], bool]]:
    def build(name: str, operand: str) -> Callable[[Any], bool]:
        number = _number(operand)
        limit = number if number is not None else _moment(operand)
        if limit is None:
            raise ValidationException(
                f"SearchExpression: {name!r} can be compared with a number or a time, not {operand!r}."
            )
        # API reference, Filter: decimal hyperparameters are compared with a whole number as whole numbers.
        whole = name.lower().startswith("hyperparameters.") and re.fullmatch(r"[+-]?\d+", operand) is not None

        def test(value: Any) -> bool:
            actual = _number(value)
            return actual is not None and holds(float(int(actual)) if whole else actual, limit)

        return test

    return build


def _contains(name: str, operand: str) -> Callable[[Any], bool]:
    def test(value: Any) -> bool:
        if isinstance(value, Mapping):  # tags and artifacts match by key or value
            return any(operand in key or operand in _text(leaf(item)) for key, item in value.items())
        return operand in _text(value)

    return test


def _equals_any(name: str, operand: str) -> Callable[[Any], bool]:
    tests = [_equal(name, item.strip()) for item in operand.split(",")]
    return lambda value: any(test(value) for test in tests)


_COMPARISONS: Mapping[str, Callable[[str, str], Callable[[Any], bool]]] = {
    "Equals": _equal,
    "NotEquals": _equal,
    "Contains": _contains,
    "In": _equals_any,
    "GreaterThan": _order_comparison(lambda value, limit: value > limit),
    "GreaterThanOrEqualTo": _order_comparison(lambda value, limit: value >= limit),
    "LessThan": _order_comparison(lambda value, limit: value < limit),
    "LessThanOrEqualTo": _order_comparison(lambda value, limit: value <= limit),
}
