"""What a profile adds to the SageMaker requests of a scenario: network, keys, tags, machines, spot, time limits. Pure.

What the scenario states itself stands, but for what the profile decides for every run: machines and time limits.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any

# An input's place in a request; "*" is every member of a list.
_JOB_DEFINITION = "MonitoringScheduleConfig.MonitoringJobDefinition"
_SCHEDULES = ("CreateMonitoringSchedule", "UpdateMonitoringSchedule")
_MONITORS = (
    "CreateDataQualityJobDefinition",
    "CreateModelQualityJobDefinition",
    "CreateModelBiasJobDefinition",
    "CreateModelExplainabilityJobDefinition",
)
_NETWORK = {
    "CreateTrainingJob": ("VpcConfig",),
    "CreateModel": ("VpcConfig",),
    "CreateProcessingJob": ("NetworkConfig.VpcConfig",),
    **dict.fromkeys(_SCHEDULES, (f"{_JOB_DEFINITION}.NetworkConfig.VpcConfig",)),
    "CreateHyperParameterTuningJob": ("TrainingJobDefinition.VpcConfig", "TrainingJobDefinitions.*.VpcConfig"),
    **dict.fromkeys(_MONITORS, ("NetworkConfig.VpcConfig",)),
}
_VOLUME_KEYS = {
    "CreateTrainingJob": ("ResourceConfig.VolumeKmsKeyId",),
    "CreateProcessingJob": ("ProcessingResources.ClusterConfig.VolumeKmsKeyId",),
    "CreateTransformJob": ("TransformResources.VolumeKmsKeyId",),
    "CreateEndpointConfig": ("KmsKeyId",),
    **dict.fromkeys(_SCHEDULES, (f"{_JOB_DEFINITION}.MonitoringResources.ClusterConfig.VolumeKmsKeyId",)),
    "CreateHyperParameterTuningJob": (
        "TrainingJobDefinition.ResourceConfig.VolumeKmsKeyId",
        "TrainingJobDefinitions.*.ResourceConfig.VolumeKmsKeyId",
    ),
    **dict.fromkeys(_MONITORS, ("JobResources.ClusterConfig.VolumeKmsKeyId",)),
}
_OUTPUT_KEYS = {
    "CreateTrainingJob": ("OutputDataConfig.KmsKeyId",),
    "CreateProcessingJob": ("ProcessingOutputConfig.KmsKeyId",),
    "CreateTransformJob": ("TransformOutput.KmsKeyId",),
    "CreateEndpointConfig": ("DataCaptureConfig.KmsKeyId",),
    **dict.fromkeys(_SCHEDULES, (f"{_JOB_DEFINITION}.MonitoringOutputConfig.KmsKeyId",)),
    "CreateHyperParameterTuningJob": (
        "TrainingJobDefinition.OutputDataConfig.KmsKeyId",
        "TrainingJobDefinitions.*.OutputDataConfig.KmsKeyId",
    ),
}
_SPOT = {
    "CreateTrainingJob": ("EnableManagedSpotTraining",),
    "CreateHyperParameterTuningJob": (
        "TrainingJobDefinition.EnableManagedSpotTraining",
        "TrainingJobDefinitions.*.EnableManagedSpotTraining",
    ),
}
_STOPPING = {
    "CreateTrainingJob": ("StoppingCondition",),
    "CreateProcessingJob": ("StoppingCondition",),
    **dict.fromkeys(_SCHEDULES, (f"{_JOB_DEFINITION}.StoppingCondition",)),
    "CreateHyperParameterTuningJob": (
        "TrainingJobDefinition.StoppingCondition",
        "TrainingJobDefinitions.*.StoppingCondition",
    ),
    **dict.fromkeys(_MONITORS, ("StoppingCondition",)),
}
# These have disks of their own, and AWS refuses a volume key for them.
_LOCAL_DISKS = re.compile(r"ml\.(\w+d|\w+dn|g4dn|g5|g6|g6e|gr6|p4de|p5|p5e|p5en|p6\w*|trn\d\w*)\.")
DEFAULT = "default"
STAGES = {
    "CreateProcessingJob": "ProcessingJob",
    "CreateTrainingJob": "TrainingJob",
    "CreateTransformJob": "TransformJob",
    "CreateEndpointConfig": "Endpoint",
    **dict.fromkeys(_SCHEDULES, "MonitoringSchedule"),
    "CreateHyperParameterTuningJob": "TrainingJob",
    **dict.fromkeys(_MONITORS, "MonitoringSchedule"),
}
"""Operation -> what a table of ``harness.toml`` calls it, besides the sentence of a step."""


@dataclass(frozen=True)
class Provisions:
    """``instance_types`` and ``max_runtime`` are by step, by stage (``STAGES``) or "default"; runtimes in seconds.

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
        """Changes ``request`` in place. ``model`` is botocore's operation model."""
        operation = model.name
        self._tag(model, request)
        stage = STAGES.get(operation)
        if stage is None and operation not in _NETWORK:
            return
        if wanted := _chosen(self.instance_types, step, stage):
            for machine in _machines(request):
                machine["InstanceType"] = wanted
        if self.subnets:
            network = {"Subnets": list(self.subnets), "SecurityGroupIds": list(self.security_groups)}
            for parent, member in _places(request, _NETWORK.get(operation, ())):
                parent.setdefault(member, network)
        self._encrypt(operation, request)
        if seconds := _chosen(self.max_runtime, step, stage):
            for parent, member in _places(request, _STOPPING.get(operation, ())):
                limit = parent.setdefault(member, {})
                limit["MaxRuntimeInSeconds"] = min(seconds, limit.get("MaxRuntimeInSeconds", seconds))
        if {DEFAULT, step, stage} & set(self.spot):
            for training, member in _places(request, _SPOT.get(operation, ())):
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

    def _encrypt(self, operation: str, request: dict[str, Any]) -> None:
        disks = any(_LOCAL_DISKS.match(machine["InstanceType"]) for machine in _machines(request))
        if self.volume_key and not disks and any(_machines(request)):
            for parent, member in _places(request, _VOLUME_KEYS.get(operation, ())):
                parent.setdefault(member, self.volume_key)
        if self.output_key:
            for parent, member in _places(request, _OUTPUT_KEYS.get(operation, ())):
                parent.setdefault(member, self.output_key)


def _on_spot(training: MutableMapping[str, Any], member: str, max_wait: int) -> None:
    if training.setdefault(member, True):
        limit = training.setdefault("StoppingCondition", {})
        runtime = limit.setdefault("MaxRuntimeInSeconds", 86400)
        # AWS wants the wait to hold the run as well.
        limit["MaxWaitTimeInSeconds"] = max(limit.get("MaxWaitTimeInSeconds", 0), runtime + max_wait)


def _chosen(table: Mapping[str, Any], step: str | None, stage: str | None) -> Any:
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


def _places(request: Any, paths: tuple[str, ...]) -> Iterator[tuple[MutableMapping[str, Any], str]]:
    """The mapping that holds each path's last member. Of all parents only a NetworkConfig is ever created: a
    definition that a request leaves out, it has under another name."""
    for path in paths:
        *parents, member = path.split(".")
        yield from ((parent, member) for parent in _parents(request, parents))


def _parents(place: Any, path: list[str]) -> Iterator[MutableMapping[str, Any]]:
    if not path:
        if isinstance(place, dict):
            yield place
        return
    first, *rest = path
    if first == "*":
        for each in place if isinstance(place, list) else ():
            yield from _parents(each, rest)
    elif isinstance(place, dict):
        if first == "NetworkConfig":
            place.setdefault(first, {})
        if first in place:
            yield from _parents(place[first], rest)
