"""What was made in the account, as far as lag, delays, quotas and tags need to know of it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.aws_run.resource_requests import instances


@dataclass
class Made:
    kind: str
    name: str
    arn: str
    instances: tuple[dict[str, Any], ...] = ()
    spot: bool = False
    config: str = ""
    at: float = field(default_factory=time.monotonic)
    unseen: dict[str, int] = field(default_factory=dict)
    """Operation -> reads that do not show it yet."""
    tags: list[dict[str, str]] = field(default_factory=list)
    last: Mapping[str, Any] = field(default_factory=dict)
    """Its description when it was deleted."""
    gone: float | None = None
    """When it was deleted."""

    def hidden(self, operation: str) -> bool:
        """Whether this read does not show it; the read is counted."""
        left = self.unseen.get(operation, 0)
        self.unseen[operation] = max(0, left - 1)
        return left > 0


class Inventory:
    def __init__(self) -> None:
        self._made: dict[tuple[str, str], Made] = {}

    def made(self, kind: str, name: str, arn: str, asked: Mapping[str, Any], lag: Mapping[str, int]) -> Made:
        made = Made(
            kind,
            name,
            arn,
            tuple(instances(asked)),
            bool(asked.get("EnableManagedSpotTraining")),
            str(asked.get("EndpointConfigName", "")),
            unseen=dict(lag),
            tags=list(asked.get("Tags", ())),
        )
        self._made[kind, name] = made
        return made

    def find(self, kind: str, name: str) -> Made | None:
        return self._made.get((kind, name))

    def of(self, kind: str) -> list[Made]:
        return [made for made in self._made.values() if made.kind == kind and made.gone is None]

    def everything(self) -> list[Made]:
        return list(self._made.values())
