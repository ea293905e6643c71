"""Parameters against the model's constraints; every violation in one message, in the service's wording.

botocore's client checks types, required members and minima only; maximum, pattern and enum are the service's to refuse.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from harness.kernel.errors import ApiError, ValidationError, ValidationException
from harness.protocol.model import OperationModel, Shape

_SCALARS = frozenset({"string", "integer", "long", "float", "double", "boolean", "timestamp", "blob"})
_NUMBERS = frozenset({"integer", "long", "float", "double"})
_SHOWN = 1024  # characters of a refused value that the message repeats
_MATCHED = 100_000  # characters that a pattern is tried on where the value is too long anyway
_NAMED = 100  # violations that the message lists; the others are counted


def validate(operation: OperationModel, request: Mapping[str, Any]) -> None:
    """Raise the service's validation error if the request breaks any constraint of its shape."""
    if operation.input is None:
        return
    violations = _structure(operation.input, request, "")
    found = list(islice(violations, _NAMED))
    if found:
        count = len(found) + sum(1 for _ in violations)
        more = f"; and {count - len(found)} more" if count > len(found) else ""
        plural = "s" if count > 1 else ""
        refusal: type[ApiError] = ValidationError if "ValidationError" in operation.errors else ValidationException
        raise refusal(f"{count} validation error{plural} detected: {'; '.join(found)}{more}")


def _structure(shape: Shape, given: Mapping[str, Any], path: str) -> Iterator[str]:
    for name in shape.required:
        if given.get(name) is None:
            yield _violation(None, _below(path, name), "Member must not be null")
    members = shape.members
    if shape.union and sum(value is not None for value in given.values()) != 1:
        yield _violation(given, path, f"Member must have exactly one of {', '.join(members)}")
    for name, value in given.items():
        if value is not None:
            yield from _value(members[name].shape, value, _below(path, name))


def _value(shape: Shape, given: Any, path: str) -> Iterator[str]:
    kind = shape.kind
    if kind in _SCALARS:
        for rule in _broken(shape, given):
            yield _violation(given, path, rule)
    elif kind == "structure":
        yield from _structure(shape, given, path)
    elif kind == "list":
        yield from _list(shape, given, path)
    else:
        yield from _map(shape, given, path)


def _list(shape: Shape, given: list[Any], path: str) -> Iterator[str]:
    for rule in _length(shape, len(given)):
        yield _violation(given, path, rule)
    item = shape.item
    if item.kind in _SCALARS:
        # Scalars in a list are reported once for the list, with every rule their shape has.
        if any(value is None or any(_broken(item, value)) for value in given):
            yield _violation(given, path, f"Member must satisfy constraint: [{', '.join(_rules(item))}]")
        return
    for index, value in enumerate(given, 1):
        if value is None:
            yield _violation(None, f"{path}.{index}.member", "Member must not be null")
        else:
            yield from _value(item, value, f"{path}.{index}.member")


def _map(shape: Shape, given: Mapping[str, Any], path: str) -> Iterator[str]:
    for rule in _length(shape, len(given)):
        yield _violation(given, path, rule)
    if any(any(_broken(shape.key, key)) for key in given):
        yield _violation(given, path, f"Map keys must satisfy constraint: [{', '.join(_rules(shape.key))}]")
    if shape.value.kind in _SCALARS:
        if any(value is None or any(_broken(shape.value, value)) for value in given.values()):
            yield _violation(given, path, f"Map value must satisfy constraint: [{', '.join(_rules(shape.value))}]")
        return
    for key, value in given.items():
        yield from _value(shape.value, value, f"{path}.{key}.member")


def _broken(shape: Shape, given: Any) -> Iterator[str]:
    """The rules of a scalar shape that the value breaks."""
    kind = shape.kind
    if kind == "string":
        yield from _length(shape, len(given))
        overlong = len(given) > _MATCHED and shape.maximum is not None and len(given) > shape.maximum
        if shape.pattern is not None and (overlong or not shape.matches(given)):
            yield _pattern(shape)
        if shape.enum and given not in shape.allowed:
            yield _enum(shape)
    elif kind in _NUMBERS:
        if shape.maximum is not None and given > shape.maximum:
            yield _at_most(shape)
        if shape.minimum is not None and given < shape.minimum:
            yield _at_least(shape)
    elif kind == "blob":
        yield from _length(shape, len(given))


def _length(shape: Shape, length: int) -> Iterator[str]:
    if shape.maximum is not None and length > shape.maximum:
        yield _no_longer(shape)
    if shape.minimum is not None and length < shape.minimum:
        yield _no_shorter(shape)


def _rules(shape: Shape) -> Iterator[str]:
    """Every rule of a scalar shape."""
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


def _violation(given: Any, path: str, rule: str) -> str:
    shown = "null" if given is None else f"'{_shown(given)}'"
    return f"Value {shown} at '{path}' failed to satisfy constraint: {rule}"


def _shown(given: Any) -> str:
    """Return the first characters of a value as the service prints it; no more than these are ever put together."""
    shown = ""
    for piece in _pieces(given):
        shown += piece
        if len(shown) >= _SHOWN:
            break
    return shown[:_SHOWN]


def _pieces(given: Any) -> Iterator[str]:
    """Print lists and maps without quotes."""
    if isinstance(given, list):
        yield from _joined("[", given, "]")
    elif isinstance(given, Mapping):
        yield from _joined("{", given.items(), "}")
    elif isinstance(given, tuple):  # an entry of a map
        yield f"{given[0]}="
        yield from _pieces(given[1])
    elif isinstance(given, bool):
        yield "true" if given else "false"
    elif isinstance(given, bytes):
        yield f"<{len(given)} bytes>"
    else:
        yield "null" if given is None else str(given)


def _joined(start: str, items: Iterable[Any], end: str) -> Iterator[str]:
    yield start
    for index, item in enumerate(items):
        if index:
            yield ", "
        yield from _pieces(item)
    yield end


def _below(path: str, name: str) -> str:
    """Paths are spelled with a small first letter: ``resourceConfig.instanceCount``."""
    small = name[:1].lower() + name[1:]
    return f"{path}.{small}" if path else small
