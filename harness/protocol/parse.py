"""A request's bytes become the operation's parameters: a dictionary in the API's casing, timestamps as epoch seconds.

Members the model does not know are dropped, as the service itself does: a client of a newer release must not fail on
them. A member of the wrong JSON type is a ``SerializationException``, as there.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any, NamedTuple

from harness.kernel.errors import ApiError
from harness.protocol.model import JSON, Member, OperationModel, Shape


class MalformedRequest(ApiError):
    code = "SerializationException"
    status = 400


class WireRequest(NamedTuple):
    """What a request consists of on the wire. ``values`` are those the route found in the path."""

    body: bytes
    headers: Mapping[str, str]
    query: Mapping[str, Sequence[str]]
    values: Mapping[str, str]


def parse(operation: OperationModel, request: WireRequest) -> dict[str, Any]:
    shape = operation.input
    if shape is None:
        return {}
    if operation.service.protocol == JSON:
        return _structure(shape, _document(request.body), "")
    return _parse_rest(shape, request)


def _parse_rest(shape: Shape, request: WireRequest) -> dict[str, Any]:
    found: dict[str, Any] = {}
    in_body = False
    for member in shape.members.values():
        if member.location == "uri":
            found[member.name] = _from_text(member, request.values[member.wire_name])
        elif member.location == "header":
            text = request.headers.get(member.wire_name)
            if text is not None:
                found[member.name] = _from_text(member, text)
        elif member.location == "querystring":
            _from_query(member, request.query, found)
        elif member.name == shape.payload:
            if member.shape.kind == "blob":
                found[member.name] = request.body
            elif request.body:
                found[member.name] = _value(member.shape, _document(request.body), member.name)
        else:
            in_body = True
    if in_body and shape.payload is None:
        found.update(_structure(shape, _document(request.body), ""))
    return found


def _document(body: bytes) -> Any:
    if not body:
        return {}
    try:
        return json.loads(body)
    except ValueError as error:
        raise MalformedRequest(f"The request body is not valid JSON: {error}") from error


def _from_query(member: Member, query: Mapping[str, Sequence[str]], found: dict[str, Any]) -> None:
    texts = query.get(member.wire_name)
    if not texts:
        return
    if member.shape.kind == "list":
        found[member.name] = [_scalar_of_text(member.shape.item, text, member.name) for text in texts]
    else:
        found[member.name] = _from_text(member, texts[0])


def _from_text(member: Member, text: str) -> Any:
    return _scalar_of_text(member.shape, text, member.name)


def _scalar_of_text(shape: Shape, text: str, path: str) -> Any:
    """Headers, paths and queries carry text only."""
    kind = shape.kind
    if kind == "string":
        return text
    if kind == "timestamp":
        return _timestamp(text, path)
    if kind == "boolean" and text in ("true", "false"):
        return text == "true"
    if kind in ("integer", "long", "float", "double"):
        try:
            return int(text) if kind in ("integer", "long") else float(text)
        except ValueError:
            pass
    raise MalformedRequest(f"{path}: {text!r} can not be converted to {_TITLES[kind]}")


def _structure(shape: Shape, given: Any, path: str) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise _wrong(shape, given, path)
    found: dict[str, Any] = {}
    members = shape.members
    for name, value in given.items():
        member = members.get(name)
        if member is None or value is None or member.location:
            continue
        found[name] = _value(member.shape, value, f"{path}.{name}" if path else name)
    return found


def _value(shape: Shape, given: Any, path: str) -> Any:
    return _READERS[shape.kind](shape, given, path)


def _list(shape: Shape, given: Any, path: str) -> list[Any]:
    if not isinstance(given, list):
        raise _wrong(shape, given, path)
    item = shape.item
    read = _READERS[item.kind]
    return [None if value is None else read(item, value, f"{path}.{index}") for index, value in enumerate(given, 1)]


def _map(shape: Shape, given: Any, path: str) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise _wrong(shape, given, path)
    return {key: None if value is None else _value(shape.value, value, f"{path}.{key}") for key, value in given.items()}


def _string(shape: Shape, given: Any, path: str) -> str:
    if not isinstance(given, str):
        raise _wrong(shape, given, path)
    return given


def _integer(shape: Shape, given: Any, path: str) -> int:
    if isinstance(given, float) and given.is_integer():
        return int(given)
    if not isinstance(given, int) or isinstance(given, bool):
        raise _wrong(shape, given, path)
    return given


def _float(shape: Shape, given: Any, path: str) -> float:
    if given in ("NaN", "Infinity", "-Infinity"):
        return float(given)
    if not isinstance(given, (int, float)) or isinstance(given, bool):
        raise _wrong(shape, given, path)
    return given


def _boolean(shape: Shape, given: Any, path: str) -> bool:
    if not isinstance(given, bool):
        raise _wrong(shape, given, path)
    return given


def _blob(shape: Shape, given: Any, path: str) -> bytes:
    try:
        return base64.b64decode(_string(shape, given, path), validate=True)
    except binascii.Error as error:
        raise _wrong(shape, given, path) from error


def _moment(shape: Shape, given: Any, path: str) -> float:
    return _timestamp(given, path)


def _timestamp(given: Any, path: str) -> float:
    """Epoch seconds; ISO 8601 text is taken too, since some clients of JSON services write it."""
    if isinstance(given, (int, float)) and not isinstance(given, bool) and math.isfinite(given):
        return float(given)
    if isinstance(given, str):
        try:
            return float(given)
        except ValueError:
            pass
        try:
            moment = datetime.fromisoformat(given.replace("Z", "+00:00"))
            return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()
        except ValueError:
            pass
    raise MalformedRequest(f"{path}: {json.dumps(given)} can not be converted to a timestamp")


_READERS: Mapping[str, Callable[[Shape, Any, str], Any]] = {
    "structure": _structure,
    "list": _list,
    "map": _map,
    "string": _string,
    "integer": _integer,
    "long": _integer,
    "float": _float,
    "double": _float,
    "boolean": _boolean,
    "blob": _blob,
    "timestamp": _moment,
}

_TITLES = {
    "structure": "a structure",
    "list": "a list",
    "map": "a map",
    "string": "a String",
    "integer": "an Integer",
    "long": "a Long",
    "float": "a Float",
    "double": "a Double",
    "boolean": "a Boolean",
    "blob": "a base64 blob",
    "timestamp": "a timestamp",
}


def _wrong(shape: Shape, given: Any, path: str) -> MalformedRequest:
    shown = json.dumps(given)
    if len(shown) > 100:
        shown = shown[:100] + "…"
    return MalformedRequest(f"{path or 'The request'}: {shown} can not be converted to {_TITLES[shape.kind]}")
