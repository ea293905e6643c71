"""``Elements``: objects of one back end that have rows of their own, so that only those that changed are written.

A queue may hold thousands of messages: comparing each with a copy is quick, writing all of them anew is not.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any, NamedTuple

_CONTAINERS = (list, dict, set)


class _Known(NamedTuple):
    element: Any
    """Held, so that its identity stays its own."""
    key: int
    copy: Mapping[str, Any] | None
    """The fields as they are saved; None for one that is not saved yet."""


class Elements:
    def __init__(self, saved: Mapping[int, Any] | None = None) -> None:
        self._known: dict[int, _Known] = {}
        self._last = max(saved or {}, default=0)
        self.save(saved or {}, saved or {})

    def key_of(self, element: Any) -> int:
        known = self._known.get(id(element))
        if known is None:
            self._last += 1
            known = self._known[id(element)] = _Known(element, self._last, None)
        return known.key

    def changed(self, elements: Mapping[int, Any]) -> dict[int, Any]:
        """Those of the back end's ``elements``, by key, that are not saved as they are."""
        return {
            key: element
            for key, element in elements.items()
            if self._known[id(element)].copy != element.__dict__  # in C, also where it goes deep
        }

    def gone(self, elements: Mapping[int, Any]) -> list[int]:
        """Keys of saved elements that the back end no longer has."""
        return [known.key for known in self._known.values() if known.copy is not None and known.key not in elements]

    def save(self, elements: Mapping[int, Any], changed: Mapping[int, Any]) -> None:
        """The back end has these and no others; those that ``changed`` are saved as they are now."""
        self._known = {
            id(each): _Known(each, key, _copy(each.__dict__)) if key in changed else self._known[id(each)]
            for key, each in elements.items()
        }


def _copy(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    return {name: deepcopy(value) if isinstance(value, _CONTAINERS) else value for name, value in fields.items()}
