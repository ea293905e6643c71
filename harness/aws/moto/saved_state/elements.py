"""``Elements``: objects of a back end that are saved in separate rows, so that only changed ones are written.

A queue may hold thousands of messages: comparing each with a copy is quick, writing all of them anew is not.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any, NamedTuple

_CONTAINERS = (list, dict, set)


class _Known(NamedTuple):
    element: Any
    """A reference to the element, so that its ``id`` is not reused."""
    key: int
    copy: Mapping[str, Any] | None
    """The fields as they were saved; None for an element that is not saved yet."""


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

    def find_changed(self, elements: Mapping[int, Any]) -> dict[int, Any]:
        """Return the elements of the back end, by key, that differ from what is saved."""
        return {
            key: element
            for key, element in elements.items()
            if self._known[id(element)].copy != element.__dict__  # in C, also where it goes deep
        }

    def find_deleted(self, elements: Mapping[int, Any]) -> list[int]:
        """Return the keys of saved elements that the back end no longer has."""
        return [known.key for known in self._known.values() if known.copy is not None and known.key not in elements]

    def save(self, elements: Mapping[int, Any], changed: Mapping[int, Any]) -> None:
        """Note that the back end now has exactly ``elements``, and that the ``changed`` ones were saved."""
        self._known = {
            id(each): _Known(each, key, _copy(each.__dict__)) if key in changed else self._known[id(each)]
            for key, each in elements.items()
        }


def _copy(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    return {name: deepcopy(value) if isinstance(value, _CONTAINERS) else value for name, value in fields.items()}
