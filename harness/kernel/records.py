"""``Record``: the stored state of one SageMaker resource."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from harness.kernel.kinds import status_member


class Key(NamedTuple):
    """The identity of a record. ``kind`` is the ARN's resource type: ``training-job``, ``endpoint``, ``model``…"""

    kind: str
    account: str
    region: str
    name: str


@dataclass(frozen=True)
class Record:
    """One resource. Records are immutable: ``RecordStore.change`` replaces a record by a new one.

    ``spec`` is the validated Create (or last Update) request, with the API's member names; Describe returns it.
    ``status`` holds the members that the emulator derives for Describe (statuses, times, artifacts).
    ``inner`` holds what Describe never shows (the path of a job's files, ports, counters).
    Times are seconds since the epoch; timestamp members are stored as such floats.
    """

    key: Key
    arn: str
    spec: Mapping[str, Any]
    status: Mapping[str, Any] = field(default_factory=dict)
    inner: Mapping[str, Any] = field(default_factory=dict)
    created: float = 0.0
    modified: float = 0.0
    version: int = 0

    @property
    def name(self) -> str:
        return self.key.name

    @property
    def kind(self) -> str:
        return self.key.kind

    @property
    def state(self) -> str:
        """Return the status, or an empty string for a kind without one."""
        return str(self.status.get(status_member(self.kind) or "", ""))

    def describe(self) -> dict[str, Any]:
        """Return the members of the request, overridden by the status and the derived members."""
        return {**self.spec, **self.status}
