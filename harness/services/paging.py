"""Filtering, sorting and paging of every List operation: said once, used by every noun.

A page is cut *by key*, not by position: the token names the last record shown, so records that come or go between two
pages neither repeat nor hide others. A request member that neither this module nor the noun knows is refused, never
ignored.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from harness.kernel.errors import UnsupportedOperation, ValidationException
from harness.kernel.records import Record

T = TypeVar("T")
Predicate = Callable[[Record, Any], bool]
SortKey = Callable[[Record], Any]

_PAGING = frozenset({"NextToken", "MaxResults", "SortBy", "SortOrder"})


def _shown(moment: float) -> float:
    """As answers show it: who asks by a time has it from an answer."""
    return round(moment, 3)


def _created_after(record: Record, moment: float) -> bool:
    return _shown(record.created) > _shown(moment)


def _created_before(record: Record, moment: float) -> bool:
    return _shown(record.created) < _shown(moment)


def _modified_after(record: Record, moment: float) -> bool:
    return _shown(record.modified) > _shown(moment)


def _modified_before(record: Record, moment: float) -> bool:
    return _shown(record.modified) < _shown(moment)


# The API names the same four filters in three ways, depending on the noun's age.
_COMMON_FILTERS: Mapping[str, Predicate] = {
    "NameContains": lambda record, text: text in record.name,
    "CreationTimeAfter": _created_after,
    "CreationTimeBefore": _created_before,
    "CreatedAfter": _created_after,
    "CreatedBefore": _created_before,
    "LastModifiedTimeAfter": _modified_after,
    "LastModifiedTimeBefore": _modified_before,
    "LastModifiedAfter": _modified_after,
    "LastModifiedBefore": _modified_before,
}

INCLUSIVE_TIMES: Mapping[str, Predicate] = {
    "CreationTimeAfter": lambda record, moment: _shown(record.created) >= _shown(moment),
    "CreatedAfter": lambda record, moment: _shown(record.created) >= _shown(moment),
    "CreatedBefore": lambda record, moment: _shown(record.created) <= _shown(moment),
}
"""For the ``filters`` of the nouns whose reference says "on or after" and "on or before"."""

_COMMON_SORTS: Mapping[str, SortKey] = {
    "Name": lambda record: record.name,
    "CreationTime": lambda record: record.created,
    "LastModifiedTime": lambda record: record.modified,
}


@dataclass(frozen=True)
class Listing:
    """How one List operation answers: ``answer`` is the member that holds the summaries, ``summary`` makes one.

    ``status`` is the Describe member that ``StatusEquals`` and ``SortBy=Status`` look at. ``filters`` and ``sorts`` are
    the noun's own request members and SortBy values, besides the common ones. Defaults differ by operation: see the
    API reference of each.
    """

    answer: str
    summary: Callable[[Record], dict[str, Any]]
    status: str | None = None
    filters: Mapping[str, Predicate] = field(default_factory=dict)
    sorts: Mapping[str, SortKey] = field(default_factory=dict)
    sort_by: str = "CreationTime"
    sort_order: str = "Descending"
    max_results: int = 10

    def page(self, records: Iterable[Record], request: Mapping[str, Any]) -> dict[str, Any]:
        """The modelled answer of the List operation for these records."""
        chosen = self._select(records, request)
        sort = self._sort_key(request.get("SortBy", self.sort_by))
        descending = request.get("SortOrder", self.sort_order) == "Descending"
        limit = request.get("MaxResults", self.max_results)
        # The name breaks ties, so the order is total and the last record shown marks the place.
        found, token = cut(chosen, request, lambda record: (sort(record), record.name), descending, limit)
        answer: dict[str, Any] = {self.answer: [self.summary(record) for record in found]}
        if token:
            answer["NextToken"] = token
        return answer

    def _select(self, records: Iterable[Record], request: Mapping[str, Any]) -> list[Record]:
        tests = [(self._filter(name), value) for name, value in request.items() if name not in _PAGING]
        return [record for record in records if all(test(record, value) for test, value in tests)]

    def _filter(self, name: str) -> Predicate:
        if name in self.filters:
            return self.filters[name]
        if name == "StatusEquals" and self.status:
            member = self.status
            return lambda record, value: record.status.get(member, record.spec.get(member)) == value
        if name in _COMMON_FILTERS:
            return _COMMON_FILTERS[name]
        raise UnsupportedOperation(f"The filter {name} of this List operation is not supported by the emulator.")

    def _sort_key(self, name: str) -> SortKey:
        if name in self.sorts:
            return self.sorts[name]
        if name == "Status" and self.status:
            member = self.status
            return lambda record: str(record.status.get(member, record.spec.get(member, "")))
        if name in _COMMON_SORTS:
            return _COMMON_SORTS[name]
        raise UnsupportedOperation(f"SortBy {name} of this List operation is not supported by the emulator.")


def cut(
    items: Iterable[T], request: Mapping[str, Any], place: Callable[[T], Sequence[Any]], descending: bool, limit: int
) -> tuple[list[T], str | None]:
    """Sort ``items`` by ``place`` (a total order of JSON values), go on after NextToken; a page and the next token."""
    placed = sorted(((list(place(item)), item) for item in items), key=lambda pair: pair[0], reverse=descending)
    if request.get("NextToken"):
        last = _place_of(request["NextToken"], request)
        placed = [pair for pair in placed if (pair[0] < last if descending else pair[0] > last)]
    page = placed[:limit]
    token = _token(page[-1][0], request) if len(placed) > limit else None
    return [item for _, item in page], token


def _query(request: Mapping[str, Any]) -> str:
    """A token belongs to the question it answered, page size aside."""
    question = {name: value for name, value in request.items() if name not in ("NextToken", "MaxResults")}
    return hashlib.sha256(json.dumps(question, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _token(place: list[Any], request: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps([_query(request), place]).encode()).decode()


def _place_of(token: str, request: Mapping[str, Any]) -> list[Any]:
    try:
        query, place = json.loads(base64.urlsafe_b64decode(token.encode()))
        if query == _query(request) and isinstance(place, list):
            return place
    except (binascii.Error, ValueError, TypeError):
        pass
    raise ValidationException("The NextToken is invalid: it was not given out for this request.")
