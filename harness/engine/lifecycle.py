"""Lifecycle tables: which statuses each kind has, which of them are final or stable, and who may follow whom.

Pure data and functions of it. A record's status changes only through ``move``, so a move that no table allows is a
defect found at once, not a strange answer later.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from harness.kernel.records import STATUS_MEMBERS, Record


class ForbiddenMove(Exception):
    """A status was to follow one it cannot follow: a defect of the engine."""


@dataclass(frozen=True)
class Lifecycle:
    """``member`` is the status member of the Describe answer; ``moves`` maps a status to its possible successors.

    ``unfinished`` are the statuses during which a waiting client is made to wait.
    """

    member: str
    first: str
    moves: Mapping[str, frozenset[str]]
    unfinished: frozenset[str]


def _job(kind: str) -> Lifecycle:
    return Lifecycle(
        member=STATUS_MEMBERS[kind],
        first="InProgress",
        moves={
            "InProgress": frozenset({"Completed", "Failed", "Stopping", "Stopped"}),
            "Stopping": frozenset({"Stopped", "Failed", "Completed"}),
        },
        unfinished=frozenset({"InProgress", "Stopping"}),
    )


LIFECYCLES: Mapping[str, Lifecycle] = {
    "training-job": _job("training-job"),
    "processing-job": _job("processing-job"),
    "transform-job": _job("transform-job"),
    "endpoint": Lifecycle(
        member=STATUS_MEMBERS["endpoint"],
        first="Creating",
        moves={
            "Creating": frozenset({"InService", "Failed", "Deleting"}),
            "InService": frozenset({"Updating", "SystemUpdating", "Deleting", "Failed"}),
            "Updating": frozenset({"InService", "Failed", "Deleting"}),
            "SystemUpdating": frozenset({"InService", "Failed", "Deleting"}),
            "Failed": frozenset({"Deleting"}),
        },
        unfinished=frozenset({"Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"}),
    ),
    "monitoring-schedule": Lifecycle(
        member=STATUS_MEMBERS["monitoring-schedule"],
        first="Pending",
        moves={
            "Pending": frozenset({"Scheduled", "Stopped", "Failed"}),
            "Scheduled": frozenset({"Pending", "Stopped", "Failed"}),
            "Stopped": frozenset({"Pending", "Scheduled"}),
            "Failed": frozenset({"Pending", "Scheduled"}),
        },
        unfinished=frozenset({"Pending"}),
    ),
}

# Operations whose answer a waiting client may be held for: the kind, and the request member that names the record.
HELD_DESCRIBES: Mapping[str, tuple[str, str]] = {
    "DescribeTrainingJob": ("training-job", "TrainingJobName"),
    "DescribeProcessingJob": ("processing-job", "ProcessingJobName"),
    "DescribeTransformJob": ("transform-job", "TransformJobName"),
    "DescribeEndpoint": ("endpoint", "EndpointName"),
    "DescribeMonitoringSchedule": ("monitoring-schedule", "MonitoringScheduleName"),
}


def status_of(record: Record) -> str:
    return str(record.status.get(LIFECYCLES[record.kind].member, ""))


def is_unfinished(record: Record) -> bool:
    return status_of(record) in LIFECYCLES[record.kind].unfinished


def move(record: Record, status: str, **members: object) -> Record:
    """The record with its status moved (and further Describe ``members`` set); ``ForbiddenMove`` if no table allows it.

    Moving to the status it has is allowed and only sets the members.
    """
    lifecycle = LIFECYCLES[record.kind]
    current = status_of(record)
    allowed = lifecycle.moves.get(current, frozenset()) if current else frozenset({lifecycle.first})
    if status != current and status not in allowed:
        raise ForbiddenMove(f"{record.kind} {record.name}: {current or 'new'} -> {status}")
    return replace(record, status={**record.status, lifecycle.member: status, **members})
