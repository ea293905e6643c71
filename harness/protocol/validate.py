"""Checks parameters against the model's constraints. One message lists all violations, worded as AWS does.

botocore's client checks types, required members and minima only; the service checks maxima, patterns and enums.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from harness.kernel.errors import ApiError, ValidationError, ValidationException
from harness.protocol.model import OperationModel, Shape

_SCALARS = frozenset({"string", "integer", "long", "float", "double", "boolean", "timestamp", "blob"})
_NUMBERS = frozenset({"integer", "long", "float", "double"})
_SHOWN = 1024  # the most characters of an invalid value that the message repeats
_MATCHED = 100_000  # a value that is too long anyway is not matched with its pattern beyond this length
_LISTED = 100  # the most violations that the message lists
_COUNTED = 1000  # the most violations that are counted


def validate(operation: OperationModel, request: Mapping[str, Any]) -> None:
    """Raise the service's validation error if the request violates a constraint of its shape."""
    if operation.input is None:
        return
    violations = list(islice(_structure(operation.input, request, ""), _COUNTED))
    if violations:
        plural = "s" if len(violations) > 1 else ""
        more = "; and more" if len(violations) > _LISTED else ""
        error_class: type[ApiError] = ValidationError if "ValidationError" in operation.errors else ValidationException
        raise error_class(
            f"{len(violations)} validation error{plural} detected: {'; '.join(violations[:_LISTED])}{more}"
        )


def _structure(shape: Shape, parameter: Mapping[str, Any], path: str) -> Iterator[str]:
    for name in shape.required:
        if parameter.get(name) is None:
            yield _violation(None, _below(path, name), "Member must not be null")
    members = shape.members
    if shape.union and sum(value is not None for value in parameter.values()) != 1:
        yield _violation(parameter, path, f"Member must have exactly one of {', '.join(members)}")
    for name, value in parameter.items():
        if value is not None:
            yield from _value(members[name].shape, value, _below(path, name))


def _value(shape: Shape, parameter: Any, path: str) -> Iterator[str]:
    kind = shape.kind
    if kind in _SCALARS:
        for rule in _violated_rules(shape, parameter):
            yield _violation(parameter, path, rule)
    elif kind == "structure":
        yield from _structure(shape, parameter, path)
    elif kind == "list":
        yield from _list(shape, parameter, path)
    else:
        yield from _map(shape, parameter, path)


def _list(shape: Shape, parameter: list[Any], path: str) -> Iterator[str]:
    for rule in _length(shape, len(parameter)):
        yield _violation(parameter, path, rule)
    item = shape.item
    if item.kind in _SCALARS:
        # Scalars in a list are reported once for the list, with every rule their shape has.
        if any(value is None or any(_violated_rules(item, value)) for value in parameter):
            yield _violation(parameter, path, f"Member must satisfy constraint: [{', '.join(_rules(item))}]")
        return
    for index, value in enumerate(parameter, 1):
        if value is None:
            yield _violation(None, f"{path}.{index}.member", "Member must not be null")
        else:
            yield from _value(item, value, f"{path}.{index}.member")


def _map(shape: Shape, parameter: Mapping[str, Any], path: str) -> Iterator[str]:
    for rule in _length(shape, len(parameter)):
        yield _violation(parameter, path, rule)
    if any(any(_violated_rules(shape.key, key)) for key in parameter):
        yield _violation(parameter, path, f"Map keys must satisfy constraint: [{', '.join(_rules(shape.key))}]")
    if shape.value.kind in _SCALARS:
        if any(value is None or any(_violated_rules(shape.value, value)) for value in parameter.values()):
            yield _violation(parameter, path, f"Map value must satisfy constraint: [{', '.join(_rules(shape.value))}]")
        return
    for key, value in parameter.items():
        yield from _value(shape.value, value, f"{path}.{key}.member")


def _violated_rules(shape: Shape, parameter: Any) -> Iterator[str]:
    """Yield the rules of a scalar shape that the value violates."""
    kind = shape.kind
    if kind == "string":
        yield from _length(shape, len(parameter))
        overlong = len(parameter) > _MATCHED and shape.maximum is not None and len(parameter) > shape.maximum
        if shape.pattern is not None and (overlong or not shape.matches(parameter)):
            yield _pattern(shape)
        if shape.enum and parameter not in shape.allowed:
            yield _enum(shape)
    elif kind in _NUMBERS:
        if shape.maximum is not None and parameter > shape.maximum:
            yield _at_most(shape)
        if shape.minimum is not None and parameter < shape.minimum:
            yield _at_least(shape)
    elif kind == "blob":
        yield from _length(shape, len(parameter))


def _length(shape: Shape, length: int) -> Iterator[str]:
    if shape.maximum is not None and length > shape.maximum:
        yield _no_longer(shape)
    if shape.minimum is not None and length < shape.minimum:
        yield _no_shorter(shape)


def _rules(shape: Shape) -> Iterator[str]:
    """Yield all rules of a scalar shape."""
    numeric = shape.kind in _NUMBERS
    if shape.maximum is not None:
        yield _at_most(shape) if numeric else _no_longer(shape)
    if shape.minimum is not None:
        yield _at_least(shape) if numeric else _no_shorter(shape)
    if shape.pattern is not None:
        yield _pattern(shape)
    if shape.enum:
        yield _enum(shape)
    yield "Member must not be null"


def _no_longer(shape: Shape) -> str:
    return f"Member must have length less than or equal to {shape.maximum}"


def _no_shorter(shape: Shape) -> str:
    return f"Member must have length greater than or equal to {shape.minimum}"


def _at_most(shape: Shape) -> str:
    return f"Member must have value less than or equal to {shape.maximum}"


def _at_least(shape: Shape) -> str:
    return f"Member must have value greater than or equal to {shape.minimum}"


def _pattern(shape: Shape) -> str:
    return f"Member must satisfy regular expression pattern: {shape.pattern}"


def _enum(shape: Shape) -> str:
    return f"Member must satisfy enum value set: [{', '.join(shape.enum)}]"


def _violation(parameter: Any, path: str, rule: str) -> str:
    shown = "null" if parameter is None else f"'{_abbreviate(parameter)}'"
    return f"Value {shown} at '{path}' failed to satisfy constraint: {rule}"


def _abbreviate(parameter: Any) -> str:
    """Return the first characters of a value as AWS prints it. The rest of a large value is never formatted."""
    shown = ""
    for piece in _pieces(parameter):
        shown += piece
        if len(shown) >= _SHOWN:
            break
    return shown[:_SHOWN]


def _pieces(parameter: Any) -> Iterator[str]:
    """Yield the text of a value in pieces, with lists and maps printed without quotes."""
    if isinstance(parameter, list):
        yield from _join_pieces("[", parameter, "]")
    elif isinstance(parameter, Mapping):
        yield from _join_pieces("{", parameter.items(), "}")
    elif isinstance(parameter, tuple):  # an entry of a map
        yield f"{parameter[0]}="
        yield from _pieces(parameter[1])
    elif isinstance(parameter, bool):
        yield "true" if parameter else "false"
    elif isinstance(parameter, bytes):
        yield f"<{len(parameter)} bytes>"
    else:
        yield "null" if parameter is None else str(parameter)


def _join_pieces(start: str, items: Iterable[Any], end: str) -> Iterator[str]:
    yield start
    for index, item in enumerate(items):
        if index:
            yield ", "
        yield from _pieces(item)
    yield end


def _below(path: str, name: str) -> str:
    """Return the path of a member, with a lower-case first letter as AWS prints it:
    ``resourceConfig.instanceCount``."""
    small = name[:1].lower() + name[1:]
    return f"{path}.{small}" if path else small
