"""``Record``: what the emulator remembers of one SageMaker resource."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from harness.kernel.kinds import status_member


class Key(NamedTuple):
    """Identity of a record. ``kind`` is the ARN's resource type: ``training-job``, ``endpoint``, ``model``…"""

    kind: str
    account: str
    region: str
    name: str


@dataclass(frozen=True)
class Record:
    """One resource. Frozen: a change is a new value put in its place by ``RecordStore.change``.

    ``spec`` is the validated Create (or last Update) request in the API's own casing and *is* what Describe echoes.
    ``status`` holds what the emulator derives for the Describe answer (states, times, artifacts), same casing.
    ``inner`` is what Describe never shows (where a job's files lie, ports, counters).
    Times are seconds since the epoch; members typed as timestamps are stored as such floats.
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
        """Its status, for the kinds that have one."""
        return str(self.status.get(status_member(self.kind) or "", ""))

    def describe(self) -> dict[str, Any]:
        """The request echoed, with status and derived members over it."""
        return {**self.spec, **self.status}
