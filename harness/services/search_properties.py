"""Properties of a document by their path, as Search names them. Pure functions.

Paths are not case-sensitive (the SDK's own examples sort by ``metrics.test:accuracy.max``), and a name in a path may
itself hold dots (``Parameters.SageMaker.InstanceType``), so every way to read the path is tried.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Document = Mapping[str, Any]

_NAMED_LISTS = {"Metrics": "MetricName", "FinalMetricDataList": "MetricName"}
_LEAVES = ("NumberValue", "StringValue", "Last", "Value")
"""Where a path ends at a parameter, a metric or an artifact, its value is meant."""


def values_at(document: Any, path: str) -> Iterator[Any]:
    """Every value that the path leads to; a list on the way means any of its items."""
    return walk(document, path.split("."))


def walk(value: Any, path: Sequence[str]) -> Iterator[Any]:
    if not path:
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from walk(item, path)
    elif isinstance(value, Mapping):
        for length in range(1, len(path) + 1):
            found = _member(value, ".".join(path[:length]))
            if found is not None:
                yield from walk(found, path[length:])


def _member(value: Mapping[str, Any], name: str) -> Any:
    found, member = value.get(name), name
    if found is None:
        member = next((key for key in value if key.lower() == name.lower()), name)
        found = value.get(member)
    if isinstance(found, list):
        if member == "Tags":
            return {tag["Key"]: tag["Value"] for tag in found}
        if member in _NAMED_LISTS:
            return {item[_NAMED_LISTS[member]]: item for item in found}
    return found


def items_at(document: Document, path: Sequence[str]) -> Iterator[Any]:
    for value in walk(document, path):
        yield from value if isinstance(value, list) else [value]


def leaf(value: Any) -> Any:
    if isinstance(value, Mapping):
        return next((value[name] for name in _LEAVES if name in value), value)
    return value


def leaf_at(document: Document, path: str) -> Any:
    """The one value to sort by, or None."""
    return next((leaf(value) for value in items_at(document, path.split("."))), None)
