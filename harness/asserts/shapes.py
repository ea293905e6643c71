"""Shapes: templates that a decoded JSON or CSV value must fit.

A type fits its values (``float`` also whole numbers), ``(low, high)`` a number between the two, a mapping one with at
least its keys, ``[shape]`` a list of any length whose elements fit, a longer list one of the same length, element by
element, a function every value for which it returns true, and any other shape an equal value. For example:
``{"predictions": [{"score": (0.0, 1.0), "label": str}]}``.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from typing import Any


def misfits(value: Any, shape: Any, at: str = "answer") -> Iterator[str]:
    """Yield where and how a value does not fit a shape; nothing if it fits."""
    match shape:
        case type():
            if not _is(value, shape):
                yield f"{at} is {_short(value)}, not of type {shape.__name__}"
        case (int() | float(), int() | float()) if isinstance(shape, tuple):
            if not _is(value, float) or not shape[0] <= value <= shape[1]:
                yield f"{at} is {_short(value)}, not a number between {shape[0]:g} and {shape[1]:g}"
        case Mapping():
            yield from _mapping(value, shape, at)
        case list():
            yield from _list(value, shape, at)
        case _ if callable(shape):
            if not shape(value):
                yield f"{at} is {_short(value)}, which {getattr(shape, '__name__', 'the check')} does not accept"
        case _:
            if value != shape:
                yield f"{at} is {_short(value)}, not {_short(shape)}"


def decode(body: bytes, content_type: str) -> Any:
    """Decode a body: JSON to its value, CSV to rows of cells (numbers if possible), other content to text.

    Raise ``ValueError`` if the body is not valid.
    """
    text, kind = body.decode(), content_type.partition(";")[0].strip()
    if kind == "application/json":
        return json.loads(text)
    if kind in ("application/jsonlines", "application/x-jsonlines"):
        return [json.loads(line) for line in text.splitlines() if line]
    if kind == "text/csv":
        return [[_cell(cell) for cell in row] for row in csv.reader(io.StringIO(text)) if row]
    return text


def numbers_of(value: Any) -> list[float]:
    """Return every number of an answer, in order of appearance."""
    if isinstance(value, Mapping):
        return [number for each in value.values() for number in numbers_of(each)]
    if isinstance(value, list):
        return [number for each in value for number in numbers_of(each)]
    return [float(value)] if _is(value, float) else []


def _mapping(value: Any, shape: Mapping[Any, Any], at: str) -> Iterator[str]:
    if not isinstance(value, Mapping):
        yield f"{at} is {_short(value)}, not an object with {', '.join(map(str, shape))}"
        return
    for key, inner in shape.items():
        if key in value:
            yield from misfits(value[key], inner, f"{at}.{key}")
        else:
            yield f"{at} has no {key!r}; it has {', '.join(map(repr, value)) or 'nothing'}"


def _list(value: Any, shape: list[Any], at: str) -> Iterator[str]:
    if not isinstance(value, list):
        yield f"{at} is {_short(value)}, not a list"
    elif len(shape) == 1:
        for number, each in enumerate(value):
            yield from misfits(each, shape[0], f"{at}[{number}]")
    elif len(value) != len(shape):
        yield f"{at} has {len(value)} elements, not {len(shape)}"
    else:
        for number, (each, inner) in enumerate(zip(value, shape, strict=True)):
            yield from misfits(each, inner, f"{at}[{number}]")


def _is(value: Any, kind: type) -> bool:
    if isinstance(value, bool):
        return kind in (bool, object)
    return isinstance(value, (int, float) if kind is float else kind)


def _cell(cell: str) -> float | str:
    try:
        return float(cell)
    except ValueError:
        return cell


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:100]}…"
