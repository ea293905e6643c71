"""Checks of a CreateHyperParameterTuningJob request, so that a tuning job that is accepted can run."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from harness.contract.image_metrics import metrics_of
from harness.contract.tuning import TuningDefinition, count_combinations, definitions_of, training_request
from harness.engine.lifecycle import is_unfinished
from harness.engine.tuning.records import KIND
from harness.kernel.errors import ValidationException
from harness.services.sagemaker.jobs import refuse_members
from harness.services.sagemaker.training_jobs import check_training_job
from harness.services.scope import Scope

_MOST_TUNED = 30
_MIDDLE = "000-00000000"


def check_tuning_job(scope: Scope, request: Mapping[str, Any]) -> None:
    """Refuse a tuning job that AWS refuses, that harness does not support, or whose training jobs would be refused."""
    config = request["HyperParameterTuningJobConfig"]
    if ("TrainingJobDefinition" in request) == ("TrainingJobDefinitions" in request):
        raise ValidationException("Specify either TrainingJobDefinition or TrainingJobDefinitions")
    refuse_members(dict(request), ("Autotune",))
    if config.get("TuningJobCompletionCriteria", {}).get("ConvergenceDetected", {}).get("CompleteOnConvergence"):
        refuse_members(config["TuningJobCompletionCriteria"], ("ConvergenceDetected",))
    definitions = definitions_of(request)
    names = [each.name for each in definitions]
    if len(set(names)) < len(names) or (len(names) > 1 and "" in names):
        raise ValidationException("TrainingJobDefinitions: each definition needs a DefinitionName of its own")
    _check_strategy(config, definitions)
    for definition in definitions:
        _check_ranges(definition, config["Strategy"])
        _check_training(scope, request["HyperParameterTuningJobName"], definition)
    _check_warm_start(scope, request, definitions)


def _check_strategy(config: Mapping[str, Any], definitions: list[TuningDefinition]) -> None:
    strategy, limits = config["Strategy"], config["ResourceLimits"]
    most = limits.get("MaxNumberOfTrainingJobs")
    if strategy == "Hyperband" and config.get("TrainingJobEarlyStoppingType", "Off") != "Off":
        raise ValidationException("TrainingJobEarlyStoppingType must be Off for the Hyperband strategy")
    if strategy != "Hyperband" and config.get("StrategyConfig"):
        raise ValidationException("StrategyConfig is only supported for the Hyperband strategy")
    if strategy != "Grid" and most is None:
        raise ValidationException(f"ResourceLimits.MaxNumberOfTrainingJobs is required for the {strategy} strategy")
    if strategy == "Grid":
        combinations = sum(count_combinations(each) for each in definitions)
        if most is not None and most != combinations:
            raise ValidationException(
                f"MaxNumberOfTrainingJobs {most} must equal the number of combinations of the Grid strategy: "
                f"{combinations}"
            )
    if most is not None and limits["MaxParallelTrainingJobs"] > most:
        raise ValidationException(
            f"MaxParallelTrainingJobs {limits['MaxParallelTrainingJobs']} must not be greater than "
            f"MaxNumberOfTrainingJobs {most}"
        )


def _check_ranges(definition: TuningDefinition, strategy: str) -> None:
    if not definition.metric:
        raise ValidationException(
            "The objective metric is required: HyperParameterTuningJobObjective or TuningObjective"
        )
    refuse_members(dict(definition.ranges), ("AutoParameters",))
    tuned = definition.tuned
    if not tuned:
        raise ValidationException("At least one hyperparameter range is required")
    if len(tuned) > _MOST_TUNED:
        raise ValidationException(f"{len(tuned)} hyperparameters are tuned; at most {_MOST_TUNED} may be")
    if strategy == "Grid" and (definition.of_type("Integer") or definition.of_type("Continuous")):
        raise ValidationException("The Grid strategy supports categorical hyperparameter ranges only")
    static = definition.request.get("StaticHyperParameters", {})
    for name in dict.fromkeys(tuned):
        if tuned.count(name) > 1 or name in static:
            raise ValidationException(f"The hyperparameter {name!r} is given more than once: as range or static value")
    for kind, parse in (("Integer", int), ("Continuous", float)):
        for each in definition.of_type(kind):
            _check_range(each, kind, parse)


def _check_range(each: Mapping[str, Any], kind: str, parse: Any) -> None:
    name, scaling = each["Name"], each.get("ScalingType", "Auto")
    try:
        low, high = parse(each["MinValue"]), parse(each["MaxValue"])
    except ValueError as error:
        raise ValidationException(f"{kind}ParameterRange {name!r}: {error}") from error
    if not (math.isfinite(low) and math.isfinite(high) and low <= high):
        raise ValidationException(f"{kind}ParameterRange {name!r}: MinValue {low} is not below MaxValue {high}")
    if scaling == "Logarithmic" and low <= 0:
        raise ValidationException(f"{kind}ParameterRange {name!r}: Logarithmic scaling needs values greater than 0")
    if scaling == "ReverseLogarithmic" and (kind == "Integer" or low < 0 or high >= 1):
        raise ValidationException(
            f"{kind}ParameterRange {name!r}: ReverseLogarithmic scaling needs continuous values from 0 to below 1"
        )


def _check_training(scope: Scope, tuning_job: str, definition: TuningDefinition) -> None:
    """Check the request of a training job, with the lowest values of the ranges."""
    values = {each["Name"]: each["MinValue"] for kind in ("Integer", "Continuous") for each in definition.of_type(kind)}
    values |= {each["Name"]: each["Values"][0] for each in definition.of_type("Categorical")}
    request = training_request(definition, f"{tuning_job}-{_MIDDLE}", values)
    image = check_training_job(scope, request)
    given = request["AlgorithmSpecification"].get("MetricDefinitions", [])
    known = [each["Name"] for each in metrics_of(image.name).add_to(given)]
    if definition.metric not in known:
        remedy = f"known: {', '.join(known)}" if known else "the algorithm has no MetricDefinitions"
        raise ValidationException(
            f"The objective metric {definition.metric!r} is not among the metrics of the algorithm; {remedy}"
        )


def _check_warm_start(scope: Scope, request: Mapping[str, Any], definitions: list[TuningDefinition]) -> None:
    config = request.get("WarmStartConfig")
    if not config:
        return
    strategy = request["HyperParameterTuningJobConfig"]["Strategy"]
    if strategy not in ("Bayesian", "Random"):
        raise ValidationException(f"WarmStartConfig is not supported for the {strategy} strategy")
    for parent in config["ParentHyperParameterTuningJobs"]:
        name = parent.get("HyperParameterTuningJobName", "")
        record = scope.records.find(scope.key(KIND, name))
        if record is None:
            raise ValidationException(f"WarmStartConfig: the parent tuning job {name!r} does not exist")
        if is_unfinished(record):
            raise ValidationException(f"WarmStartConfig: the parent tuning job {name!r} is in status {record.state}")
        parents = definitions_of(record.spec)
        if {each.metric for each in parents} != {each.metric for each in definitions}:
            raise ValidationException(f"WarmStartConfig: the parent tuning job {name!r} has another objective metric")
