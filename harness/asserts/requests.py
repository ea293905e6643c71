"""Hypothesis strategies for requests to an AWS operation, drawn from botocore's own service model."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from harness.protocol.patterns import translate

_DEEPEST = 3
_PLAIN = st.characters(min_codepoint=33, max_codepoint=126)
_LONGEST_TEXT, _LONGEST_LIST = 40, 3


def requests(service: str, operation: str, **fixed: Any) -> SearchStrategy[dict[str, Any]]:
    """Generate requests that the service's model allows: required members always, others sometimes.

    ``fixed`` are members with a fixed value: ``requests("sagemaker", "CreateModel", ModelName="mine")``. The operation
    is named as in the API.
    """
    from botocore.loaders import create_loader
    from botocore.model import ServiceModel

    # Without a session, which would read the AWS configuration of this machine's user.
    model = ServiceModel(create_loader().load_service_model(service, "service-2"), service).operation_model(operation)
    if model.input_shape is None:
        return st.just({})
    unknown = set(fixed) - set(model.input_shape.members)
    if unknown:
        raise KeyError(f"{operation} has no member {', '.join(sorted(unknown))}")
    fixed_members = {name: st.just(value) for name, value in fixed.items()}
    return _structure(model.input_shape, fixed_members, 0)


def _structure(
    shape: Any, fixed_members: Mapping[str, SearchStrategy[Any]], depth: int
) -> SearchStrategy[dict[str, Any]]:
    required = {
        name: _value(shape.members[name], depth + 1) for name in shape.required_members if name not in fixed_members
    }
    others = {}
    if depth < _DEEPEST:
        left = set(shape.members) - set(required) - set(fixed_members)
        others = {name: _value(shape.members[name], depth + 1) for name in sorted(left)}
    if getattr(shape, "is_tagged_union", False) and not required and others:
        return st.sampled_from(sorted(others)).flatmap(lambda name: st.fixed_dictionaries({name: others[name]}))
    return st.fixed_dictionaries({**required, **fixed_members}, optional=others)


def _value(shape: Any, depth: int) -> SearchStrategy[Any]:
    return st.deferred(lambda: _KINDS[shape.type_name](shape, depth))


def _list(shape: Any, depth: int) -> SearchStrategy[Any]:
    least, most = _sizes(shape, _LONGEST_LIST)
    return st.lists(_value(shape.member, depth + 1), min_size=least, max_size=least if depth >= _DEEPEST else most)


def _map(shape: Any, depth: int) -> SearchStrategy[Any]:
    least, most = _sizes(shape, _LONGEST_LIST)
    return st.dictionaries(
        _value(shape.key, depth), _value(shape.value, depth + 1), min_size=least, max_size=max(least, most)
    )


def _text(shape: Any, depth: int) -> SearchStrategy[Any]:
    if shape.enum:
        return st.sampled_from(list(shape.enum))
    least, most = _sizes(shape, _LONGEST_TEXT)
    pattern = shape.metadata.get("pattern")
    if not pattern or pattern in (".*", r"[\s\S]*"):
        return st.text(_PLAIN, min_size=least, max_size=most)
    drawn = st.from_regex(re.compile(translate(pattern)), fullmatch=True, alphabet=_PLAIN)
    return drawn.filter(lambda text: least <= len(text) <= _longest(shape))


def _sizes(shape: Any, usual: int) -> tuple[int, int]:
    least = int(shape.metadata.get("min", 0))
    return least, min(int(shape.metadata.get("max", usual)), max(usual, least))


def _longest(shape: Any) -> int:
    return int(shape.metadata.get("max", 10_000))


def _integer(shape: Any, depth: int) -> SearchStrategy[Any]:
    return st.integers(int(shape.metadata.get("min", 0)), int(shape.metadata.get("max", 2**31 - 1)))


def _number(shape: Any, depth: int) -> SearchStrategy[Any]:
    return st.floats(
        shape.metadata.get("min", 0.0), shape.metadata.get("max", 1e9), allow_nan=False, allow_infinity=False
    )


_KINDS: Mapping[str, Any] = {
    "structure": lambda shape, depth: _structure(shape, {}, depth),
    "list": _list,
    "map": _map,
    "string": _text,
    "integer": _integer,
    "long": _integer,
    "float": _number,
    "double": _number,
    "boolean": lambda shape, depth: st.booleans(),
    "timestamp": lambda shape, depth: st.integers(0, 2**31 - 1),
    "blob": lambda shape, depth: st.binary(max_size=64),
}
