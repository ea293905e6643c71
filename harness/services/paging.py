"""Filters, sorts and pages the answers of all List operations.

Pages begin at a *key*, not at a position: NextToken holds the key of the last record shown. So records that are created
or deleted between two pages neither repeat nor hide others. A request member that is unknown here and to the resource's
module is refused, never ignored. If the record store has an index for the order, only the records of the page are read;
filters without an index are applied to the records one by one.
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


def _round_time(moment: float) -> float:
    """Round a time to milliseconds as answers show it: clients filter by times that they got from answers."""
    return round(moment, 3)


def _created_after(record: Record, moment: float) -> bool:
    return _round_time(record.created) > _round_time(moment)


def _created_before(record: Record, moment: float) -> bool:
    return _round_time(record.created) < _round_time(moment)


def _modified_after(record: Record, moment: float) -> bool:
    return _round_time(record.modified) > _round_time(moment)


def _modified_before(record: Record, moment: float) -> bool:
    return _round_time(record.modified) < _round_time(moment)


# The API names the same four filters in three ways (see the List operations in the SageMaker API reference).
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
    "CreationTimeAfter": lambda record, moment: _round_time(record.created) >= _round_time(moment),
    "CreatedAfter": lambda record, moment: _round_time(record.created) >= _round_time(moment),
    "CreatedBefore": lambda record, moment: _round_time(record.created) <= _round_time(moment),
}
"""The ``filters`` of resources whose API reference says "on or after" and "on or before"."""

_ORDERS = {"Name": "name", "CreationTime": "created", "LastModifiedTime": "modified"}
_MOMENT = 0.001
"""How far a record's time may be from the time that answers show, which is rounded to milliseconds."""


@dataclass(frozen=True)
class Listing:
    """The rules of one List operation. ``answer`` is the member with the summaries; ``summary`` makes one summary.

    ``status`` is the Describe member that ``StatusEquals`` and ``SortBy=Status`` use. ``filters`` and ``sorts`` are the
    request members and SortBy values that only this operation has; ``orders`` are the SortBy values for which the
    record store has an index. Defaults differ between operations: see the API reference of each.
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
        self, source: RecordsOfKind, request: Mapping[str, Any], is_member: Callable[[Record], bool] | None = None
    ) -> dict[str, Any]:
        """Return the answer of the List operation. ``is_member`` limits it to some of the records."""
        tests = [(self._filter(name), value) for name, value in request.items() if name not in _PAGING]
        if is_member is not None:
            tests.append((lambda record, _: is_member(record), None))

        def fits(record: Record) -> bool:
            return all(test(record, value) for test, value in tests)

        selected, token = self._select_page(source, request, fits)
        answer: dict[str, Any] = {self.answer: [self.summary(record) for record in selected]}
        if token:
            answer["NextToken"] = token
        return answer

    def _select_page(
        self, source: RecordsOfKind, request: Mapping[str, Any], fits: Callable[[Record], bool]
    ) -> tuple[list[Record], str | None]:
        sort_by = request.get("SortBy", self.sort_by)
        descending = request.get("SortOrder", self.sort_order) == "Descending"
        limit = request.get("MaxResults", self.max_results)
        order = self._order(source.kind, sort_by)
        query = self._query(source, request)
        if order is None:
            # The name breaks ties, so the order is total and NextToken is unambiguous.
            sort = self._sort_key(sort_by)
            fitting = (record for record in source.select(query) if fits(record))
            return cut_page(fitting, request, lambda record: (sort(record), record.name), descending, limit)
        query = replace(query, order=order, descending=descending)
        if request.get("NextToken"):
            query = replace(query, after=_position_of_token(request, len(query.columns)))
        records = list(islice((record for record in source.select(query) if fits(record)), limit + 1))
        token = _token(query.position_of(records[limit - 1]), request) if len(records) > limit else None
        return records[:limit], token

    def _order(self, kind: str, sort_by: str) -> str | None:
        """Return the name of the record store's index for this order; None if it has no such index."""
        if sort_by in self.orders:
            return self.orders[sort_by]
        if sort_by == "Status" and self.status and self.status == status_member(kind):
            return "state"
        return None if sort_by in self.sorts else _ORDERS.get(sort_by)

    def _query(self, source: RecordsOfKind, request: Mapping[str, Any]) -> RecordQuery:
        """Return a query with the filters that the store has indexes for.

        The exact filters are applied to its result.
        """
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


def cut_page(
    items: Iterable[T], request: Mapping[str, Any], position: Callable[[T], Sequence[Any]], descending: bool, limit: int
) -> tuple[list[T], str | None]:
    """Return a page of ``items`` and the next token. ``position`` is the sort key: JSON values in a total order.

    Reads all items, and keeps only those of one page in memory.
    """
    pairs = ((list(position(item)), item) for item in items)
    if request.get("NextToken"):
        last = _position_of_token(request)
        pairs = (pair for pair in pairs if (pair[0] < last if descending else pair[0] > last))
    first = heapq.nlargest if descending else heapq.nsmallest
    page = first(limit + 1, pairs, key=lambda pair: pair[0])
    token = _token(page[limit - 1][0], request) if len(page) > limit else None
    return [item for _, item in page[:limit]], token


def _span(request: Mapping[str, Any], *names: str) -> Span:
    """Return the span of times that the filters of these names allow, a millisecond wider because of rounding."""
    after = [value for name in names for value in (request.get(f"{name}TimeAfter"), request.get(f"{name}After"))]
    before = [value for name in names for value in (request.get(f"{name}TimeBefore"), request.get(f"{name}Before"))]
    least = max((value for value in after if value is not None), default=None)
    greatest = min((value for value in before if value is not None), default=None)
    return Span(None if least is None else least - _MOMENT, None if greatest is None else greatest + _MOMENT)


def _query(request: Mapping[str, Any]) -> str:
    """Return a digest of the request without its paging members. A token is valid only for the same request."""
    members = {name: value for name, value in request.items() if name not in ("NextToken", "MaxResults")}
    return hashlib.sha256(json.dumps(members, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _token(position: list[Any], request: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps([_query(request), position]).encode()).decode()


def _position_of_token(request: Mapping[str, Any], length: int | None = None) -> list[Any]:
    try:
        query, position = json.loads(base64.urlsafe_b64decode(request["NextToken"].encode()))
        scalars = isinstance(position, list) and all(isinstance(value, (str, int, float)) for value in position)
        if query == _query(request) and scalars and length in (None, len(position)):
            return list(position)
    except (binascii.Error, ValueError, TypeError, RecursionError):
        pass
    raise ValidationException("The NextToken is invalid: it does not come from an answer to this request.")
