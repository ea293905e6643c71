"""Filtering, sorting and paging of every List operation: said once, used by every noun.

A page is cut *by key*, not by position: the token names the last record shown, so records that come or go between two
pages neither repeat nor hide others. A request member that neither this module nor the noun knows is refused, never
ignored. Where the record store has an index for the order, a page reads what it shows; filters that no index knows are
tried on the records as they come.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import heapq
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, TypeVar

from harness.kernel.errors import UnsupportedOperation, ValidationException
from harness.kernel.kinds import status_member
from harness.kernel.records import Record
from harness.services.scope import RecordsOfKind
from harness.stores.record_queries import RecordQuery, Span

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

_ORDERS = {"Name": "name", "CreationTime": "created", "LastModifiedTime": "modified"}
_MOMENT = 0.001
"""Answers show milliseconds, records hold more: how far a time of a record may be from the one it is shown with."""


@dataclass(frozen=True)
class Listing:
    """How one List operation answers: ``answer`` is the member that holds the summaries, ``summary`` makes one.

    ``status`` is the Describe member that ``StatusEquals`` and ``SortBy=Status`` look at. ``filters`` and ``sorts`` are
    the noun's own request members and SortBy values, besides the common ones; ``orders`` are those SortBy values that
    the record store has an index for. Defaults differ by operation: see the API reference of each.
    """

    answer: str
    summary: Callable[[Record], dict[str, Any]]
    status: str | None = None
    filters: Mapping[str, Predicate] = field(default_factory=dict)
    sorts: Mapping[str, SortKey] = field(default_factory=dict)
    orders: Mapping[str, str] = field(default_factory=dict)
    sort_by: str = "CreationTime"
    sort_order: str = "Descending"
    max_results: int = 10

    def page(
        self, source: RecordsOfKind, request: Mapping[str, Any], among: Callable[[Record], bool] | None = None
    ) -> dict[str, Any]:
        """The modelled answer of the List operation; ``among`` says which records it is about, where not about all."""
        tests = [(self._filter(name), value) for name, value in request.items() if name not in _PAGING]
        if among is not None:
            tests.append((lambda record, _: among(record), None))

        def fits(record: Record) -> bool:
            return all(test(record, value) for test, value in tests)

        found, token = self._found(source, request, fits)
        answer: dict[str, Any] = {self.answer: [self.summary(record) for record in found]}
        if token:
            answer["NextToken"] = token
        return answer

    def _found(
        self, source: RecordsOfKind, request: Mapping[str, Any], fits: Callable[[Record], bool]
    ) -> tuple[list[Record], str | None]:
        sort_by = request.get("SortBy", self.sort_by)
        descending = request.get("SortOrder", self.sort_order) == "Descending"
        limit = request.get("MaxResults", self.max_results)
        order = self._order(source.kind, sort_by)
        query = self._query(source, request)
        if order is None:
            # The name breaks ties, so the order is total and the last record shown marks the position.
            sort = self._sort_key(sort_by)
            fitting = (record for record in source.select(query) if fits(record))
            return cut(fitting, request, lambda record: (sort(record), record.name), descending, limit)
        query = replace(query, order=order, descending=descending)
        if request.get("NextToken"):
            query = replace(query, after=_position_in(request, len(query.columns)))
        found = list(islice((record for record in source.select(query) if fits(record)), limit + 1))
        token = _token(query.position_of(found[limit - 1]), request) if len(found) > limit else None
        return found[:limit], token

    def _order(self, kind: str, sort_by: str) -> str | None:
        """What the store calls this order; None where it has no index for it."""
        if sort_by in self.orders:
            return self.orders[sort_by]
        if sort_by == "Status" and self.status and self.status == status_member(kind):
            return "state"
        return None if sort_by in self.sorts else _ORDERS.get(sort_by)

    def _query(self, source: RecordsOfKind, request: Mapping[str, Any]) -> RecordQuery:
        """As much of the request's filters as the store's indexes help with; the filters themselves are exact."""
        by_status = self.status is not None and self.status == status_member(source.kind)
        return RecordQuery(
            source.kind,
            source.account,
            source.region,
            created=_span(request, "Creation", "Created"),
            modified=_span(request, "LastModified"),
            name_contains=request.get("NameContains", "") if "NameContains" not in self.filters else "",
            state=request.get("StatusEquals") if by_status else None,
        )

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
        raise UnsupportedOperation(f"SortBy {name} of this List operation is not supported by the emulator.")


def cut(
    items: Iterable[T], request: Mapping[str, Any], place: Callable[[T], Sequence[Any]], descending: bool, limit: int
) -> tuple[list[T], str | None]:
    """Sort ``items`` by ``place`` (a total order of JSON values), go on after NextToken; a page and the next token.

    Looks at all items, and holds those of one page.
    """
    placed = ((list(place(item)), item) for item in items)
    if request.get("NextToken"):
        last = _position_in(request)
        placed = (pair for pair in placed if (pair[0] < last if descending else pair[0] > last))
    first = heapq.nlargest if descending else heapq.nsmallest
    found = first(limit + 1, placed, key=lambda pair: pair[0])
    token = _token(found[limit - 1][0], request) if len(found) > limit else None
    return [item for _, item in found[:limit]], token


def _span(request: Mapping[str, Any], *names: str) -> Span:
    """The times that the filters of these names leave, a millisecond wider: what is shown is rounded."""
    after = [value for name in names for value in (request.get(f"{name}TimeAfter"), request.get(f"{name}After"))]
    before = [value for name in names for value in (request.get(f"{name}TimeBefore"), request.get(f"{name}Before"))]
    least = max((value for value in after if value is not None), default=None)
    greatest = min((value for value in before if value is not None), default=None)
    return Span(None if least is None else least - _MOMENT, None if greatest is None else greatest + _MOMENT)


def _query(request: Mapping[str, Any]) -> str:
    """A token belongs to the question it answered, page size aside."""
    question = {name: value for name, value in request.items() if name not in ("NextToken", "MaxResults")}
    return hashlib.sha256(json.dumps(question, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _token(place: list[Any], request: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps([_query(request), place]).encode()).decode()


def _position_in(request: Mapping[str, Any], length: int | None = None) -> list[Any]:
    try:
        query, position = json.loads(base64.urlsafe_b64decode(request["NextToken"].encode()))
        scalars = isinstance(position, list) and all(isinstance(value, (str, int, float)) for value in position)
        if query == _query(request) and scalars and length in (None, len(position)):
            return list(position)
    except (binascii.Error, ValueError, TypeError, RecursionError):
        pass
    raise ValidationException("The NextToken is invalid: it was not given out for this request.")
