"""Finds the properties of a document by the paths that Search uses. Pure functions.

Paths ignore case (examples of the SageMaker SDK sort by ``metrics.test:accuracy.max``). A name in a path may contain
dots itself (``Parameters.SageMaker.InstanceType``), so every way to split the path is tried.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Document = Mapping[str, Any]

_NAMED_LISTS = {"Metrics": "MetricName", "FinalMetricDataList": "MetricName"}
_LEAVES = ("NumberValue", "StringValue", "Last", "Value")
"""The members that hold the value of a parameter, a metric or an artifact, if a path ends at one."""


def values_at(document: Any, path: str) -> Iterator[Any]:
    """Yield every value at the path. A list on the path is searched item by item."""
    return walk(document, path.split("."))


def walk(value: Any, path: Sequence[str]) -> Iterator[Any]:
    if not path:
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from walk(item, path)
    elif isinstance(value, Mapping):
        for length in range(1, len(path) + 1):
            inner = _member(value, ".".join(path[:length]))
            if inner is not None:
                yield from walk(inner, path[length:])


def _member(value: Mapping[str, Any], name: str) -> Any:
    content, member = value.get(name), name
    if content is None:
        member = next((key for key in value if key.lower() == name.lower()), name)
        content = value.get(member)
    if isinstance(content, list):
        if member == "Tags":
            return {tag["Key"]: tag["Value"] for tag in content}
        if member in _NAMED_LISTS:
            return {item[_NAMED_LISTS[member]]: item for item in content}
    return content


def items_at(document: Document, path: Sequence[str]) -> Iterator[Any]:
    for value in walk(document, path):
        yield from value if isinstance(value, list) else [value]


def leaf(value: Any) -> Any:
    if isinstance(value, Mapping):
        return next((value[name] for name in _LEAVES if name in value), value)
    return value


def leaf_at(document: Document, path: str) -> Any:
    """Return the value at the path that results are sorted by, or None."""
    return next((leaf(value) for value in items_at(document, path.split("."))), None)
