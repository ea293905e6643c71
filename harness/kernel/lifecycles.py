"""Status lifecycles of SageMaker resources: the statuses a kind has and which may follow which. Pure data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Lifecycle:
    """The statuses of one kind. ``moves`` maps a status to its possible successors; ``first`` is set by Create.

    ``unfinished`` are the statuses during which a client that polls is kept waiting. ``final`` are the statuses that a
    resource keeps until it is changed or deleted.
    """

    first: str
    moves: Mapping[str, frozenset[str]]
    unfinished: frozenset[str]
    final: frozenset[str]


JOB = Lifecycle(
    first="InProgress",
    moves={
        "InProgress": frozenset({"Completed", "Failed", "Stopping", "Stopped"}),
        "Stopping": frozenset({"Stopped", "Failed", "Completed"}),
    },
    unfinished=frozenset({"InProgress", "Stopping"}),
    final=frozenset({"Completed", "Failed", "Stopped"}),
)
ENDPOINT = Lifecycle(
    first="Creating",
    moves={
        "Creating": frozenset({"InService", "Failed", "Deleting"}),
        "InService": frozenset({"Updating", "SystemUpdating", "Deleting", "Failed"}),
        "Updating": frozenset({"InService", "Failed", "Deleting"}),
        "SystemUpdating": frozenset({"InService", "Failed", "Deleting"}),
        "Failed": frozenset({"Deleting"}),
    },
    unfinished=frozenset({"Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"}),
    final=frozenset({"InService", "Failed", "OutOfService", "UpdateRollbackFailed"}),
)
SCHEDULE = Lifecycle(
    first="Pending",
    moves={
        "Pending": frozenset({"Scheduled", "Stopped", "Failed"}),
        "Scheduled": frozenset({"Pending", "Stopped", "Failed"}),
        "Stopped": frozenset({"Pending", "Scheduled"}),
        "Failed": frozenset({"Pending", "Scheduled"}),
    },
    unfinished=frozenset({"Pending"}),
    final=frozenset({"Scheduled", "Stopped", "Failed"}),
)
PIPELINE_EXECUTION = Lifecycle(
    first="Executing",
    moves={
        "Executing": frozenset({"Succeeded", "Failed", "Stopping", "Stopped"}),
        "Stopping": frozenset({"Stopped", "Failed"}),
        "Failed": frozenset({"Executing"}),
    },
    unfinished=frozenset({"Executing", "Stopping"}),
    final=frozenset({"Succeeded", "Failed", "Stopped"}),
)
