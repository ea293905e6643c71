"""A request's bytes become the operation's parameters: a dictionary in the API's casing, timestamps as epoch seconds.

Members the model does not know are dropped, as the service itself does: a client of a newer release must not fail on
them. A member of the wrong JSON type is a ``SerializationException``, as there.
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
from harness.protocol.model import JSON, Member, OperationModel, Shape

_DEEPEST = 200
"""Levels of nesting that are read: far more than any request has, far fewer than Python's stack takes."""
_SHOWN = 100  # characters of a wrong value that the message repeats
_BEYOND = {"integer": 2**31, "long": 2**63}
_LAST_MOMENT = 253402300799.0  # the end of the year 9999, the last that dates have


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
        return json.loads(body, parse_constant=_refuse_constant)
    except ValueError as error:
        raise MalformedRequest(f"The request body is not valid JSON: {error}") from error
    except RecursionError:
        raise _too_deep("The request body") from None


def _refuse_constant(text: str) -> Any:
    raise ValueError(f"{text} is not a JSON number")


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


def _structure(shape: Shape, given: Any, path: str) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise _wrong(shape, given, path)
    if path.count(".") > _DEEPEST:
        raise _too_deep("The request")
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
    return {
        _string(shape.key, key, path): None if value is None else _value(shape.value, value, f"{path}.{key}")
        for key, value in given.items()
    }


def _string(shape: Shape, given: Any, path: str) -> str:
    if not isinstance(given, str):
        raise _wrong(shape, given, path)
    if not given.isascii():
        try:
            given.encode()
        except UnicodeEncodeError:  # half of a surrogate pair, which JSON can spell and UTF-8 cannot
            raise MalformedRequest(f"{path or 'The request'}: the text is not valid Unicode") from None
    return given


def _integer(shape: Shape, given: Any, path: str) -> int:
    if isinstance(given, float) and given.is_integer():
        given = int(given)
    beyond = _BEYOND[shape.kind]
    if not isinstance(given, int) or isinstance(given, bool) or not -beyond <= given < beyond:
        raise _wrong(shape, given, path)
    return given


def _float(shape: Shape, given: Any, path: str) -> float:
    if isinstance(given, str) and given in ("NaN", "Infinity", "-Infinity"):
        return float(given)
    if not _is_number(given):
        raise _wrong(shape, given, path)
    number: float = given
    return number


def _is_number(given: Any) -> bool:
    """Whether it is a number that a double can hold."""
    if not isinstance(given, (int, float)) or isinstance(given, bool):
        return False
    try:
        return math.isfinite(given)
    except OverflowError:
        return False


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
    """Read epoch seconds; ISO 8601 text is taken too, since some clients of JSON services write it."""
    moment = float(given) if _is_number(given) else math.nan
    if isinstance(given, str):
        moment = _moment_of_text(given)
    if not abs(moment) <= _LAST_MOMENT:
        raise MalformedRequest(f"{path}: {_shortened(given)} can not be converted to a timestamp")
    return moment


def _moment_of_text(text: str) -> float:
    """Return NaN when the text is neither a number nor a time."""
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


def _wrong(shape: Shape, given: Any, path: str) -> MalformedRequest:
    return MalformedRequest(
        f"{path or 'The request'}: {_shortened(given)} can not be converted to {_TITLES[shape.kind]}"
    )


def _too_deep(what: str) -> MalformedRequest:
    return MalformedRequest(f"{what} is nested too deeply.")


def _shortened(given: Any) -> str:
    """Return the beginning of the value's JSON; the rest, which may be megabytes, is never written."""
    shown = "".join(_first_pieces(given))
    return shown if len(shown) <= _SHOWN else shown[:_SHOWN] + "…"


def _first_pieces(given: Any) -> Iterator[str]:
    size = 0
    for piece in json.JSONEncoder().iterencode(given[: _SHOWN + 1] if isinstance(given, str) else given):
        yield piece
        size += len(piece)
        if size > _SHOWN:
            return
