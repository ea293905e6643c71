"""Status changes of records, along the lifecycles that the table of resource kinds states.

A record's status changes only through ``move``, so a transition that no lifecycle allows shows at once as a defect.
"""

from __future__ import annotations

from dataclasses import replace

from harness.kernel.kinds import BY_TYPE
from harness.kernel.lifecycles import Lifecycle
from harness.kernel.records import Record


class ForbiddenMove(Exception):
    """A status would follow one that it cannot follow: a defect of the engine."""


def lifecycle_of(record: Record) -> Lifecycle:
    lifecycle = BY_TYPE[record.kind].lifecycle
    if lifecycle is None:
        raise LookupError(f"{record.kind} has no lifecycle")
    return lifecycle


def is_unfinished(record: Record) -> bool:
    return record.state in lifecycle_of(record).unfinished


def move(record: Record, status: str, **members: object) -> Record:
    """Return the record with a new status and further Describe ``members``.

    The status it already has is allowed and changes only the members. Raises ``ForbiddenMove`` for a transition that
    the lifecycle does not have.
    """
    lifecycle = lifecycle_of(record)
    current = record.state
    allowed = lifecycle.moves.get(current, frozenset()) if current else frozenset({lifecycle.first})
    if status != current and status not in allowed:
        raise ForbiddenMove(f"{record.kind} {record.name}: {current or 'new'} -> {status}")
    return replace(record, status={**record.status, BY_TYPE[record.kind].status_member: status, **members})
