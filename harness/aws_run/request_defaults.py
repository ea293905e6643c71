"""The members that a profile adds to a scenario's requests: network, keys, tags, machines, spot, time limits. Pure.

The scenario's own values are kept, but for those that the profile decides for every run: machines and time limits.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from harness.kernel.kinds import KINDS, RequestPaths

# These have disks of their own, and AWS refuses a volume key for them.
_LOCAL_DISKS = re.compile(r"ml\.(\w+d|\w+dn|g4dn|g5|g6|g6e|gr6|p4de|p5|p5e|p5en|p6\w*|trn\d\w*)\.")
DEFAULT = "default"
_VERBS = ("Create", "UpdateMonitoringSchedule")
"""The operations that get defaults. Other updates change what the scenario states itself."""


@dataclass(frozen=True)
class RequestDefaults:
    """``instance_types`` and ``max_runtime`` are by step, by stage (a kind's noun) or "default"; runtimes in seconds.

    ``spot`` is the steps or stages that train on spot capacity; ``max_wait`` the seconds they may wait for it.
    """

    tags: Mapping[str, str] = field(default_factory=dict)
    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()
    volume_key: str = ""
    output_key: str = ""
    instance_types: Mapping[str, str] = field(default_factory=dict)
    max_runtime: Mapping[str, int] = field(default_factory=dict)
    spot: tuple[str, ...] = ()
    max_wait: int = 0

    def apply(self, model: Any, request: dict[str, Any], step: str | None) -> None:
        """Change ``request`` itself. ``model`` is botocore's operation model."""
        operation = model.name
        self._tag(model, request)
        kind = KINDS.get(re.sub("^(Create|Update)", "", operation)) if operation.startswith(_VERBS) else None
        if kind is None or kind.request == RequestPaths():
            return
        stage = kind.stage
        if instance_type := _select(self.instance_types, step, stage):
            for machine in _machines(request):
                machine["InstanceType"] = instance_type
        if self.subnets:
            network = {"Subnets": list(self.subnets), "SecurityGroupIds": list(self.security_groups)}
            for parent, member in _holders(request, kind.request.network):
                parent.setdefault(member, network)
        self._encrypt(kind.request, request)
        if seconds := _select(self.max_runtime, step, stage):
            for parent, member in _holders(request, kind.request.stopping):
                limit = parent.setdefault(member, {})
                limit["MaxRuntimeInSeconds"] = min(seconds, limit.get("MaxRuntimeInSeconds", seconds))
        if {DEFAULT, step, stage} & set(self.spot):
            for training, member in _holders(request, kind.request.spot):
                _on_spot(training, member, self.max_wait)

    def _tag(self, model: Any, request: dict[str, Any]) -> None:
        shape = model.input_shape
        if not self.tags or shape is None or not model.name.startswith("Create") or "Tags" not in shape.members:
            return
        if model.name == "CreateModelPackage" and "ModelPackageGroupName" in request:
            return  # the tags of a version are those of its group
        ours = [{"Key": key, "Value": value} for key, value in self.tags.items()]
        theirs = [tag for tag in request.get("Tags") or [] if tag["Key"] not in self.tags]
        request["Tags"] = [*theirs, *ours]

    def _encrypt(self, paths: RequestPaths, request: dict[str, Any]) -> None:
        disks = any(_LOCAL_DISKS.match(machine["InstanceType"]) for machine in _machines(request))
        if self.volume_key and not disks and any(_machines(request)):
            for parent, member in _holders(request, paths.volume_key):
                parent.setdefault(member, self.volume_key)
        if self.output_key:
            for parent, member in _holders(request, paths.output_key):
                parent.setdefault(member, self.output_key)


def _on_spot(training: MutableMapping[str, Any], member: str, max_wait: int) -> None:
    if training.setdefault(member, True):
        limit = training.setdefault("StoppingCondition", {})
        runtime = limit.setdefault("MaxRuntimeInSeconds", 86400)
        # AWS wants the wait to hold the run as well.
        limit["MaxWaitTimeInSeconds"] = max(limit.get("MaxWaitTimeInSeconds", 0), runtime + max_wait)


def _select(table: Mapping[str, Any], step: str | None, stage: str | None) -> Any:
    return table.get(step or "") or table.get(stage or "") or table.get(DEFAULT)


def _machines(request: Any) -> Iterator[MutableMapping[str, Any]]:
    if isinstance(request, list):
        for each in request:
            yield from _machines(each)
    elif isinstance(request, dict):
        kind = request.get("InstanceType")
        if isinstance(kind, str) and kind.startswith("ml."):
            yield request
        for each in request.values():
            yield from _machines(each)


def _holders(request: Any, paths: tuple[str, ...]) -> Iterator[tuple[MutableMapping[str, Any], str]]:
    """Find the mapping that holds each path's last member. Of all parents only a NetworkConfig is ever created: a
    definition that a request leaves out, it has under another name."""
    for path in paths:
        *parents, member = path.split(".")
        yield from ((parent, member) for parent in _parents(request, parents))


def _parents(node: Any, path: list[str]) -> Iterator[MutableMapping[str, Any]]:
    if not path:
        if isinstance(node, dict):
            yield node
        return
    first, *rest = path
    if first == "*":
        for each in node if isinstance(node, list) else ():
            yield from _parents(each, rest)
    elif isinstance(node, dict):
        if first == "NetworkConfig":
            node.setdefault(first, {})
        if first in node:
            yield from _parents(node[first], rest)
