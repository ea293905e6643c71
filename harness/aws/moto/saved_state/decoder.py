"""Builds an object graph from its document. Objects are created without calling constructors; then fields are set."""

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any

from harness.aws.moto.saved_state.classes import UnknownClass, class_named
from harness.aws.moto.saved_state.encoder import FACTORIES
from harness.aws.moto.saved_state.migrations import RENAMED_FIELDS
from harness.aws.moto.saved_state.new_fields import add_new_fields
from harness.aws.moto.saved_state.values import value_from_json

FACTORY_NAMED = {name: factory for factory, name in FACTORIES.items()}
_OWN = frozenset({"$type", "$id", "$items", "$factory"})

FindBackend = Callable[[str, str, str], Any]
"""Package, account and region -> back end."""


class Unreadable(Exception):
    """The document names a class or value that this moto or this harness does not have."""


class Decoder:
    """Decodes documents. With ``other_moto``, another version of moto wrote them, so objects may lack fields."""

    def __init__(
        self,
        find_backend: FindBackend,
        lists: Mapping[str, list[Any]] | None = None,
        elements: Mapping[int, Any] | None = None,
        other_moto: bool = False,
    ) -> None:
        self._find_backend = find_backend
        self._lists = lists or {}
        self._elements = elements or {}
        self._other_moto = other_moto
        self._numbered: dict[int, Any] = {}

    def backend(self, document: Mapping[str, Any], backend: Any) -> None:
        """Set the fields of a new back end from its document. It keeps fields that the document does not have."""
        fresh = backend.__dict__
        fields = {name: self.value(node) for name, node in document.items() if name not in _OWN}
        for name, value in fields.items():
            former = fresh.get(name)
            if isinstance(value, defaultdict) and value.default_factory is None and isinstance(former, defaultdict):
                value.default_factory = former.default_factory
        fresh.update(_rename_fields(type(backend), fields))

    def value(self, node: Any) -> Any:
        if isinstance(node, list):
            return [self.value(item) for item in node]
        if not isinstance(node, dict):
            return node
        special = next((name for name in node if name[:1] == "$" and name != "$id"), None)
        if special is None:
            return self._dict(node)
        build = _BUILDERS.get(special)
        if build is not None:
            return build(self, node)
        try:
            return value_from_json(special, node[special])
        except KeyError:
            raise Unreadable(f"a value of the kind {special}") from None

    def _keep(self, node: Mapping[str, Any], value: Any) -> Any:
        if "$id" in node:
            self._numbered[node["$id"]] = value
        return value

    def _dict(self, node: Mapping[str, Any]) -> dict[str, Any]:
        values: dict[str, Any] = self._keep(node, {})
        values.update((key, self.value(item)) for key, item in node.items() if key != "$id")
        return values

    def _pairs(self, node: Mapping[str, Any]) -> dict[Any, Any]:
        values: dict[Any, Any] = self._keep(node, {})
        values.update((self.value(key), self.value(item)) for key, item in node["$dict"])
        return values

    def _list(self, node: Mapping[str, Any]) -> list[Any]:
        values: list[Any] = self._keep(node, [])
        values.extend(self.value(item) for item in node["$list"])
        return values

    def _tuple(self, node: Mapping[str, Any]) -> tuple[Any, ...]:
        return tuple(self.value(item) for item in node["$tuple"])

    def _set(self, node: Mapping[str, Any]) -> set[Any]:
        values: set[Any] = self._keep(node, set())
        values.update(self.value(item) for item in node["$set"])
        return values

    def _frozenset(self, node: Mapping[str, Any]) -> frozenset[Any]:
        return self._keep(node, frozenset(self.value(item) for item in node["$frozenset"]))  # type: ignore[no-any-return]

    def _reference(self, node: Mapping[str, Any]) -> Any:
        return self._numbered[node["$ref"]]

    def _backend(self, node: Mapping[str, Any]) -> Any:
        return self._find_backend(*node["$backend"])

    def _entries(self, node: Mapping[str, Any]) -> list[Any]:
        return self._lists.get(node["$entries"], [])

    def _element(self, node: Mapping[str, Any]) -> Any:
        return self._elements[node["$element"]]

    def _enum(self, node: Mapping[str, Any]) -> Enum:
        cls = _class(node["$enum"])
        if not issubclass(cls, Enum) or node["name"] not in cls.__members__:
            raise Unreadable(f"{node['name']} of {node['$enum']}")
        return cls[node["name"]]

    def _object(self, node: Mapping[str, Any]) -> Any:
        cls = _class(node["$type"])
        base: Any = next((one for one in cls.__mro__ if one in _BASES), object)
        value = self._keep(node, base.__new__(cls))
        if isinstance(value, defaultdict):
            value.default_factory = FACTORY_NAMED.get(node.get("$factory", ""))
        for item in node.get("$items", ()):
            if isinstance(value, dict):
                base.__setitem__(value, self.value(item[0]), self.value(item[1]))
            else:
                base.append(value, self.value(item))
        fields = _rename_fields(cls, {name: self.value(item) for name, item in node.items() if name not in _OWN})
        if self._other_moto:
            add_new_fields(cls, fields)
        _set_fields(value, fields)
        return value


def _class(name: str) -> type[Any]:
    try:
        return class_named(name)
    except UnknownClass as error:
        raise Unreadable(f"the class {name}") from error


def _rename_fields(cls: type, fields: dict[str, Any]) -> dict[str, Any]:
    names: dict[str, str] = {}
    for one in cls.__mro__:
        names.update(RENAMED_FIELDS.get(f"{one.__module__}.{one.__qualname__}", {}))
    return {names.get(name, name): value for name, value in fields.items()} if names else fields


def _set_fields(value: Any, fields: dict[str, Any]) -> None:
    if hasattr(value, "__dict__"):
        value.__dict__.update(fields)
        return
    for name, item in fields.items():
        object.__setattr__(value, name, item)


_BASES: frozenset[type] = frozenset({OrderedDict, defaultdict, dict, deque, list})
_BUILDERS: dict[str, Callable[[Decoder, dict[str, Any]], Any]] = {
    "$type": Decoder._object,
    "$ref": Decoder._reference,
    "$dict": Decoder._pairs,
    "$list": Decoder._list,
    "$tuple": Decoder._tuple,
    "$set": Decoder._set,
    "$frozenset": Decoder._frozenset,
    "$backend": Decoder._backend,
    "$entries": Decoder._entries,
    "$element": Decoder._element,
    "$enum": Decoder._enum,
}
