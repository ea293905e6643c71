"""Turns a request's bytes into the operation's parameters: a dictionary with the API's member names.

Timestamps become seconds since the epoch. Members that the model does not know are dropped, as AWS does: a newer client
may send them. A member of the wrong JSON type is a ``SerializationException``, as on AWS.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any, NamedTuple

from harness.kernel.errors import ApiError
from harness.kernel.http import has_too_many_containers
from harness.protocol.model import JSON, Member, OperationModel, Shape

_DEEPEST = 200
"""The deepest nesting that is read: far more than real requests have, far less than Python's stack allows."""
_SHOWN = 100  # characters of a wrong value that an error message repeats
_BEYOND = {"integer": 2**31, "long": 2**63}
_LAST_MOMENT = 253402300799.0  # the end of the year 9999, the last date of Python's datetime


class MalformedRequest(ApiError):
    code = "SerializationException"
    status = 400


class WireRequest(NamedTuple):
    """The parts of a request on the wire. ``values`` are the parameters in the path."""

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
    parameters: dict[str, Any] = {}
    in_body = False
    for member in shape.members.values():
        if member.location == "uri":
            parameters[member.name] = _from_text(member, request.values[member.wire_name])
        elif member.location == "header":
            text = request.headers.get(member.wire_name)
            if text is not None:
                parameters[member.name] = _from_text(member, text)
        elif member.location == "querystring":
            _from_query(member, request.query, parameters)
        elif member.name == shape.payload:
            if member.shape.kind == "blob":
                parameters[member.name] = request.body
            elif request.body:
                parameters[member.name] = _value(member.shape, _document(request.body), member.name)
        else:
            in_body = True
    if in_body and shape.payload is None:
        parameters.update(_structure(shape, _document(request.body), ""))
    return parameters


def _document(body: bytes) -> Any:
    if not body:
        return {}
    if has_too_many_containers(body):
        raise MalformedRequest("The request body holds too many objects and lists.")
    try:
        return json.loads(body, parse_constant=_refuse_constant)
    except ValueError as error:
        raise MalformedRequest(f"The request body is not valid JSON: {error}") from error
    except RecursionError:
        raise _too_deep("The request body") from None


def _refuse_constant(text: str) -> Any:
    raise ValueError(f"{text} is not a JSON number")


def _from_query(member: Member, query: Mapping[str, Sequence[str]], parameters: dict[str, Any]) -> None:
    texts = query.get(member.wire_name)
    if not texts:
        return
    if member.shape.kind == "list":
        parameters[member.name] = [_scalar_of_text(member.shape.item, text, member.name) for text in texts]
    else:
        parameters[member.name] = _from_text(member, texts[0])


def _from_text(member: Member, text: str) -> Any:
    return _scalar_of_text(member.shape, text, member.name)


def _scalar_of_text(shape: Shape, text: str, path: str) -> Any:
    """Convert text of a header, path or query to the type of the shape."""
    kind = shape.kind
    if kind == "string":
        return _string(shape, text, path)
    if kind == "timestamp":
        return _timestamp(text, path)
    if kind == "boolean" and text in ("true", "false"):
        return text == "true"
    if kind in ("integer", "long", "float", "double"):
        try:
            return _integer(shape, int(text), path) if kind in _BEYOND else float(text)
        except ValueError:
            pass
    raise MalformedRequest(f"{path}: {text!r} can not be converted to {_TITLES[kind]}")


def _structure(shape: Shape, raw: Any, path: str) -> dict[str, Any]:
    if not isinstance(raw, dict):
        raise _type_error(shape, raw, path)
    if path.count(".") > _DEEPEST:
        raise _too_deep("The request")
    parameters: dict[str, Any] = {}
    members = shape.members
    for name, value in raw.items():
        member = members.get(name)
        if member is None or value is None or member.location:
            continue
        parameters[name] = _value(member.shape, value, f"{path}.{name}" if path else name)
    return parameters


def _value(shape: Shape, raw: Any, path: str) -> Any:
    return _READERS[shape.kind](shape, raw, path)


def _list(shape: Shape, raw: Any, path: str) -> list[Any]:
    if not isinstance(raw, list):
        raise _type_error(shape, raw, path)
    item = shape.item
    read = _READERS[item.kind]
    return [None if value is None else read(item, value, f"{path}.{index}") for index, value in enumerate(raw, 1)]


def _map(shape: Shape, raw: Any, path: str) -> dict[str, Any]:
    if not isinstance(raw, dict):
        raise _type_error(shape, raw, path)
    return {
        _string(shape.key, key, path): None if value is None else _value(shape.value, value, f"{path}.{key}")
        for key, value in raw.items()
    }


def _string(shape: Shape, raw: Any, path: str) -> str:
    if not isinstance(raw, str):
        raise _type_error(shape, raw, path)
    if not raw.isascii():
        try:
            raw.encode()
        except UnicodeEncodeError:  # half of a surrogate pair, which JSON can spell and UTF-8 cannot
            raise MalformedRequest(f"{path or 'The request'}: the text is not valid Unicode") from None
    return raw


def _integer(shape: Shape, raw: Any, path: str) -> int:
    if isinstance(raw, float) and raw.is_integer():
        raw = int(raw)
    beyond = _BEYOND[shape.kind]
    if not isinstance(raw, int) or isinstance(raw, bool) or not -beyond <= raw < beyond:
        raise _type_error(shape, raw, path)
    return raw


def _float(shape: Shape, raw: Any, path: str) -> float:
    if isinstance(raw, str) and raw in ("NaN", "Infinity", "-Infinity"):
        return float(raw)
    if not _is_number(raw):
        raise _type_error(shape, raw, path)
    number: float = raw
    return number


def _is_number(raw: Any) -> bool:
    """Return True for a number that fits into a double."""
    if not isinstance(raw, (int, float)) or isinstance(raw, bool):
        return False
    try:
        return math.isfinite(raw)
    except OverflowError:
        return False


def _boolean(shape: Shape, raw: Any, path: str) -> bool:
    if not isinstance(raw, bool):
        raise _type_error(shape, raw, path)
    return raw


def _blob(shape: Shape, raw: Any, path: str) -> bytes:
    try:
        return base64.b64decode(_string(shape, raw, path), validate=True)
    except binascii.Error as error:
        raise _type_error(shape, raw, path) from error


def _moment(shape: Shape, raw: Any, path: str) -> float:
    return _timestamp(raw, path)


def _timestamp(raw: Any, path: str) -> float:
    """Return seconds since the epoch. Accepts ISO 8601 text too, because some clients of JSON services send it."""
    moment = float(raw) if _is_number(raw) else math.nan
    if isinstance(raw, str):
        moment = _moment_of_text(raw)
    if not abs(moment) <= _LAST_MOMENT:
        raise MalformedRequest(f"{path}: {_shorten(raw)} can not be converted to a timestamp")
    return moment


def _moment_of_text(text: str) -> float:
    """Return the time in seconds since the epoch; NaN if the text is neither a number nor a time."""
    for read in (float, _moment_of_date):
        try:
            return read(text)
        except (ValueError, OverflowError):
            continue
    return math.nan


def _moment_of_date(text: str) -> float:
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()


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


def _type_error(shape: Shape, raw: Any, path: str) -> MalformedRequest:
    return MalformedRequest(f"{path or 'The request'}: {_shorten(raw)} can not be converted to {_TITLES[shape.kind]}")


def _too_deep(what: str) -> MalformedRequest:
    return MalformedRequest(f"{what} is nested too deeply.")


def _shorten(raw: Any) -> str:
    """Return the beginning of the value's JSON. Only that part is serialised, because values may have megabytes."""
    shown = "".join(_first_pieces(raw))
    return shown if len(shown) <= _SHOWN else shown[:_SHOWN] + "…"


def _first_pieces(raw: Any) -> Iterator[str]:
    size = 0
    for piece in json.JSONEncoder().iterencode(raw[: _SHOWN + 1] if isinstance(raw, str) else raw):
        yield piece
        size += len(piece)
        if size > _SHOWN:
            return
