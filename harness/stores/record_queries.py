"""``RecordQuery``: a query for records of one kind, account and region, in an order that has an index."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from harness.kernel.records import Record

ORDERS: Mapping[str, Callable[[Record], Any]] = {
    "created": lambda record: record.created,
    "modified": lambda record: record.modified,
    "name": lambda record: record.name,
    "state": lambda record: record.state,
    "scheduled": lambda record: float(record.status["ScheduledTime"]),
}
"""The orders of records. Names break ties, so that the order is total."""


class Span(NamedTuple):
    """The least and the greatest allowed value. None for no limit."""

    least: float | None = None
    greatest: float | None = None


ANY = Span()


@dataclass(frozen=True)
class RecordQuery:
    """A query for records. ``after`` is the position (``position_of``) of the last record of the previous page.

    That record may have been deleted. ``state`` is the value of the kind's status member (``Record.state``). Times are
    compared as they are stored.
    """

    kind: str
    account: str
    region: str
    order: str = "created"
    descending: bool = False
    after: Sequence[Any] | None = None
    created: Span = ANY
    modified: Span = ANY
    name_contains: str = ""
    state: str | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the columns of a position, the most significant one first."""
        return ("name",) if self.order == "name" else (self.order, "name")

    def position_of(self, record: Record) -> list[Any]:
        return [ORDERS[column](record) for column in self.columns]


class Statement(NamedTuple):
    text: str
    values: tuple[Any, ...]


def statement(query: RecordQuery, columns: str, limit: int) -> Statement:
    """Return the SELECT of at most ``limit`` records of the query."""
    terms: list[tuple[str, Sequence[Any]]] = [
        ("kind = ? and account = ? and region = ?", (query.kind, query.account, query.region))
    ]
    if query.state is not None:
        terms.append(("state = ?", (query.state,)))
    if query.after is not None:
        marks = ", ".join("?" * len(query.columns))
        terms.append((f"({', '.join(query.columns)}) {'<' if query.descending else '>'} ({marks})", query.after))
    for column, span in (("created", query.created), ("modified", query.modified)):
        if span.least is not None:
            terms.append((f"{column} >= ?", (span.least,)))
        if span.greatest is not None:
            terms.append((f"{column} <= ?", (span.greatest,)))
    if query.name_contains:
        terms.append(("instr(name, ?) > 0", (query.name_contains,)))
    if query.order == "scheduled":
        terms.append(("scheduled is not null", ()))
    direction = " desc" if query.descending else ""
    order = ", ".join(f"{column}{direction}" for column in query.columns)
    text = (
        f"select {columns} from records indexed by {_index(query)} "
        f"where {' and '.join(term for term, _ in terms)} order by {order} limit ?"
    )
    return Statement(text, (*(value for _, values in terms for value in values), limit))


def _index(query: RecordQuery) -> str:
    if query.state is not None and query.order == "created":
        return "records_by_state_and_creation"
    return f"records_by_{query.order}"


INDEXES = """
create index if not exists records_by_created on records (kind, account, region, created, name, state);
create index if not exists records_by_modified on records (kind, account, region, modified, name, state);
create index if not exists records_by_name on records (kind, account, region, name, created, state);
create index if not exists records_by_state on records (kind, account, region, state, name);
create index if not exists records_by_state_and_creation on records (kind, account, region, state, created, name);
create index if not exists records_by_scheduled on records (kind, account, region, scheduled, name, state)
    where scheduled is not null;
"""
