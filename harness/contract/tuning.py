"""The definitions of a tuning job: its ranges, and the requests of the training jobs that it starts. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

OBJECTIVE = "_tuning_objective_metric"
"""The hyperparameter that every training job gets: the name of the objective metric."""
_TRAINING_MEMBERS = (
    *("AlgorithmSpecification", "RoleArn", "InputDataConfig", "OutputDataConfig", "StoppingCondition", "VpcConfig"),
    *("EnableNetworkIsolation", "EnableInterContainerTrafficEncryption", "EnableManagedSpotTraining"),
    *("CheckpointConfig", "RetryStrategy", "Environment"),
)


@dataclass(frozen=True)
class TuningDefinition:
    """One training definition of a tuning job, with its objective and ranges. ``name`` may be empty."""

    name: str
    metric: str
    maximize: bool
    ranges: Mapping[str, Any]
    request: Mapping[str, Any]

    @property
    def static(self) -> dict[str, str]:
        """Return the hyperparameters that all training jobs have, with the name of the objective."""
        return {**self.request.get("StaticHyperParameters", {}), OBJECTIVE: self.metric}

    def of_type(self, kind: str) -> list[Mapping[str, Any]]:
        """Return the ranges of a type: Integer, Continuous or Categorical."""
        return list(self.ranges.get(f"{kind}ParameterRanges", []))

    @property
    def tuned(self) -> list[str]:
        return [each["Name"] for kind in ("Integer", "Continuous", "Categorical") for each in self.of_type(kind)]


def definitions_of(spec: Mapping[str, Any]) -> list[TuningDefinition]:
    """Return the training definitions of a CreateHyperParameterTuningJob request."""
    return list(_definitions(spec))


def _definitions(spec: Mapping[str, Any]) -> Iterator[TuningDefinition]:
    config = spec["HyperParameterTuningJobConfig"]
    single = spec.get("TrainingJobDefinition")
    for request in [single] if single else spec.get("TrainingJobDefinitions", []):
        objective = request.get("TuningObjective") or config.get("HyperParameterTuningJobObjective", {})
        yield TuningDefinition(
            request.get("DefinitionName", ""),
            objective.get("MetricName", ""),
            objective.get("Type") == "Maximize",
            request.get("HyperParameterRanges") or config.get("ParameterRanges", {}),
            request,
        )


def training_job_name(tuning_job: str, number: int, suffix: str) -> str:
    """Return the name of the training job of this number, counted from 1; ``suffix`` is eight hexadecimal digits."""
    return f"{tuning_job}-{number:03d}-{suffix}"


def training_request(definition: TuningDefinition, name: str, values: Mapping[str, str]) -> dict[str, Any]:
    """Return the CreateTrainingJob request for these values of the tuned hyperparameters."""
    request = {member: definition.request[member] for member in _TRAINING_MEMBERS if member in definition.request}
    return {
        **request,
        "TrainingJobName": name,
        "HyperParameters": {**definition.static, **values},
        "ResourceConfig": resources_of(definition.request),
    }


def resources_of(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the ResourceConfig; of several instance configurations the first one is used."""
    if "ResourceConfig" in request:
        return dict(request["ResourceConfig"])
    tuning = dict(request.get("HyperParameterTuningResourceConfig", {}))
    tuning.pop("AllocationStrategy", None)
    first: Mapping[str, Any] = next(iter(tuning.pop("InstanceConfigs", [])), {})
    return {"VolumeSizeInGB": 1, **tuning, **first}


def count_combinations(definition: TuningDefinition) -> int:
    """Return the number of combinations of the categorical values."""
    count = 1
    for each in definition.of_type("Categorical"):
        count *= len(each["Values"])
    return count
