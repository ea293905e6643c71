"""Encodes an object graph as a JSON document: every object becomes its class and its fields by name.

``{"$type": "moto.iam.models.Role", "name": "mine", "policies": {}}``. An object that is referred to more than once gets
a number (``$id``) and is referred to by it (``$ref``); another back end is referred to by its name (``$backend``).
"""

from __future__ import annotations

import math
from collections import defaultdict, deque
from collections.abc import Callable
from enum import Enum
from functools import cache
from typing import Any

from moto.core.base_backend import BaseBackend

from harness.aws.moto.saved_state.classes import name_of, package_of
from harness.aws.moto.saved_state.migrations import APPEND_ONLY, NOT_STORED, OWN_ROWS
from harness.aws.moto.saved_state.values import value_to_json

FACTORIES = {None: "none", list: "list", dict: "dict", set: "set", int: "int", str: "str", float: "float"}
_AS_IT_IS = frozenset({str, int, bool, type(None)})


class Unstorable(Exception):
    """A value that cannot be stored. The message says which value, and its path in the graph."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what
        self.path: list[str] = []

    def __str__(self) -> str:
        return f"{'.'.join(reversed(self.path))} is {self.what}"


def fields_of(value: Any) -> dict[str, Any]:
    """Return the instance's fields, including slots."""
    fields: dict[str, Any] = getattr(value, "__dict__", {})
    cls: Any = type(value)
    slots = _slots_of(cls)
    if slots:
        return {**fields, **{name: getattr(value, name) for name in slots if hasattr(value, name)}}
    return fields


@cache
def _slots_of(cls: type) -> tuple[str, ...]:
    fields_found: list[str] = []
    for one in cls.__mro__:
        slots = vars(one).get("__slots__", ())
        fields_found += (slots,) if isinstance(slots, str) else slots
    return tuple(name for name in fields_found if name not in ("__dict__", "__weakref__"))


class Encoder:
    """Encodes one graph.

    With ``key_of``, append-only lists and objects with separate rows are collected in ``lists`` and ``elements``, and
    the document only names them.
    """

    def __init__(self, key_of: Callable[[Any], int] | None = None) -> None:
        self.lists: dict[str, list[Any]] = {}
        self.elements: dict[int, Any] = {}
        self._key_of = key_of
        self._own_fields: list[Any] = []
        self._nodes: dict[int, Any] = {}
        """Maps the ``id`` of an object to its node. Valid because the graph does not change during encoding."""
        self._numbered_lists: dict[int, int] = {}
        self._numbers = 0

    def backend(self, backend: Any) -> dict[str, Any]:
        """Return the document of a back end with its fields."""
        self._own_fields = list(backend.__dict__.values())
        node = self._fields(backend, {"$type": type(backend).__name__})
        return {name: self._finish(item) for name, item in node.items()}

    def tree(self, value: Any) -> Any:
        return self._finish(self._value(value))

    def _value(self, value: Any) -> Any:
        kind = type(value)
        if kind in _AS_IT_IS or (kind is float and math.isfinite(value)):
            return value
        node = self._nodes.get(id(value))
        if node is not None:
            return {"$ref": self._number(node)}
        if kind is list:
            return self._list(value)
        if kind is dict:
            return self._dict(value)
        if kind is tuple:
            return {"$tuple": self._items(value)}
        if isinstance(value, (set, frozenset)):
            return self._set(value)
        node = value_to_json(value)
        return self._object(value) if node is None else node

    def _list(self, value: list[Any]) -> list[Any]:
        node: list[Any] = []
        self._nodes[id(value)] = node
        node += self._items(value)
        return node

    def _items(self, values: Any) -> list[Any]:
        try:
            return [self._value(value) for value in values]
        except Unstorable as error:
            error.path.append("[]")
            raise

    def _dict(self, value: dict[Any, Any]) -> dict[str, Any]:
        node: dict[str, Any] = {}
        self._nodes[id(value)] = node
        if all(type(key) is str and key[:1] != "$" for key in value):
            for key, item in value.items():
                node[key] = item if type(item) in _AS_IT_IS else self._member(key, item)
        else:
            node["$dict"] = self._pairs(value)
        return node

    def _pairs(self, value: dict[Any, Any]) -> list[Any]:
        # ``dict.items`` itself: some of moto's dictionaries load or compute things when they are asked.
        return [[self._value(key), self._member(str(key), item)] for key, item in dict.items(value)]

    def _member(self, name: str, value: Any) -> Any:
        try:
            return self._value(value)
        except Unstorable as error:
            error.path.append(name)
            raise

    def _set(self, value: Any) -> dict[str, Any]:
        node: dict[str, Any] = {}
        self._nodes[id(value)] = node
        node["$set" if isinstance(value, set) else "$frozenset"] = self._items(value)
        return node

    def _object(self, value: Any) -> dict[str, Any]:
        if isinstance(value, BaseBackend):
            return {"$backend": [package_of(value), value.account_id, value.region_name]}
        cls = type(value)
        name = name_of(cls)
        if name is None or isinstance(value, type):
            raise Unstorable(f"a {cls.__module__}.{cls.__qualname__}")
        if isinstance(value, Enum):
            return {"$enum": name, "name": value.name}
        if self._key_of is not None and name in OWN_ROWS:
            key = self._key_of(value)
            self.elements[key] = value
            return {"$element": key}
        node: dict[str, Any] = {"$type": name}
        self._nodes[id(value)] = node
        if isinstance(value, defaultdict):
            node["$factory"] = self._factory(value)
        if isinstance(value, dict):
            node["$items"] = self._pairs(value)
        elif isinstance(value, (list, deque)):
            node["$items"] = self._items(value)
        return self._fields(value, node)

    def _factory(self, value: defaultdict[Any, Any]) -> str:
        fields_found = FACTORIES.get(value.default_factory)  # type: ignore[arg-type]
        if fields_found is None and not any(value is field for field in self._own_fields):
            raise Unstorable("a defaultdict with a factory of its own")
        return fields_found or ""  # a field of the back end: a new back end has the factory

    def _fields(self, value: Any, node: dict[str, Any]) -> dict[str, Any]:
        name = name_of(type(value)) or ""
        left_out = NOT_STORED.get(name, frozenset())
        growing, named_by = APPEND_ONLY.get(name, ("", ""))
        for field, item in fields_of(value).items():
            if field in left_out:
                continue
            if field == growing and type(item) is list and named_by in value.__dict__:
                node[field] = {"$entries": str(value.__dict__[named_by])}
                self.lists[str(value.__dict__[named_by])] = item
                continue
            node[field] = item if type(item) in _AS_IT_IS else self._member(field, item)
        return node

    def _number(self, node: Any) -> int:
        if isinstance(node, list):
            if id(node) not in self._numbered_lists:
                self._numbers += 1
                self._numbered_lists[id(node)] = self._numbers
            return self._numbered_lists[id(node)]
        if "$id" not in node:
            self._numbers += 1
            node["$id"] = self._numbers
        return int(node["$id"])

    def _finish(self, node: Any) -> Any:
        return self._with_numbers(node) if self._numbered_lists else node

    def _with_numbers(self, node: Any) -> Any:
        """Put lists that have a number into an object, because a JSON list cannot hold it."""
        if isinstance(node, dict):
            return {key: self._with_numbers(item) for key, item in node.items()}
        if isinstance(node, list):
            items = [self._with_numbers(item) for item in node]
            number = self._numbered_lists.get(id(node))
            return items if number is None else {"$id": number, "$list": items}
        return node
