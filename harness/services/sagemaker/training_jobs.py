"""Training jobs: create, describe, list, stop, delete."""

from __future__ import annotations

import re
from typing import Any

from harness.contract.containers import ImageProtocol
from harness.contract.image_metrics import metrics_of
from harness.contract.layout import below_root
from harness.contract.training import DEFAULT_MAX_RUNTIME
from harness.engine.jobs.training import transition
from harness.engine.lifecycle import move
from harness.engine.tracking.experiments import job_component
from harness.kernel.errors import ValidationException
from harness.kernel.records import Record
from harness.services.paging import Listing
from harness.services.sagemaker.experiment_configs import check_experiment_config
from harness.services.sagemaker.image_limits import check_training_limits
from harness.services.sagemaker.images import find_training_image
from harness.services.sagemaker.jobs import (
    add_job,
    delete_job,
    describe_job,
    find_job,
    refuse_empty_words,
    refuse_members,
    require_instances,
    require_members,
    stop_job,
)
from harness.services.sagemaker.staged_data import s3_uri
from harness.services.sagemaker.training_channels import check_channels
from harness.services.scope import Scope

KIND = "training-job"

_UNSUPPORTED = (
    "HyperParameterTuningResourceConfig",
    "RetryStrategy",
    "RemoteDebugConfig",
    "InfraCheckConfig",
    "ServerlessJobConfig",
    "SessionChainingConfig",
    "MlflowConfig",
    "ModelPackageConfig",
    "DebugRuleConfigurations",
    "ProfilerRuleConfigurations",
    "TensorBoardOutputConfig",
)


# Defaults that DescribeTrainingJob shows, recorded in published notebook outputs of 2023 to 2026.
_CHANNEL_DEFAULTS = {"CompressionType": "None", "RecordWrapperType": "None"}


def check_training_job(scope: Scope, request: dict[str, Any]) -> ImageProtocol:
    """Refuse a request that cannot run; return the image that it names."""
    require_members(request, ("AlgorithmSpecification", "ResourceConfig"))
    image = _image(scope, request)
    _check(scope, request)
    return image


def create_training_job(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    image = check_training_job(scope, request)
    now = scope.clock.real()
    algorithm = dict(request["AlgorithmSpecification"])
    if metrics := metrics_of(image.name).add_to(algorithm.get("MetricDefinitions", [])):
        algorithm["MetricDefinitions"] = metrics
    record = Record(
        key=scope.key(KIND, request["TrainingJobName"]),
        arn=scope.arn(KIND, request["TrainingJobName"]),
        spec=request,
        status={
            "AlgorithmSpecification": {
                "EnableSageMakerMetricsTimeSeries": "MetricDefinitions" in algorithm,
                **algorithm,
            },
            "StoppingCondition": {"MaxRuntimeInSeconds": DEFAULT_MAX_RUNTIME, **request.get("StoppingCondition", {})},
            "InputDataConfig": [{**_CHANNEL_DEFAULTS, **channel} for channel in request.get("InputDataConfig", [])],
            "OutputDataConfig": {"KmsKeyId": "", "CompressionType": "GZIP", **request["OutputDataConfig"]},
            "ProfilingStatus": _profiling_status(request),
            "EnableNetworkIsolation": request.get("EnableNetworkIsolation", False),
            "EnableInterContainerTrafficEncryption": request.get("EnableInterContainerTrafficEncryption", False),
            "EnableManagedSpotTraining": request.get("EnableManagedSpotTraining", False),
        },
        created=now,
    )
    add_job(scope, move(record, "InProgress", **transition(record, "Starting", now)))
    replaces_earlier_job = job_component(scope.records, scope.clock, record)
    scope.engine.submit(record.key, replaces_earlier_job)
    return {"TrainingJobArn": record.arn}


def describe_training_job(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    return _describe(_find(scope, request))


def list_training_jobs(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    return _LISTING.page(scope.records_of(KIND), request)


def stop_training_job(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    now = scope.clock.real()

    def begin(record: Record) -> Record:
        return move(record, "Stopping", **transition(record, "Stopping", now))

    return stop_job(scope, _find(scope, request), "training job", begin)


def delete_training_job(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    return delete_job(scope, _find(scope, request), "training job")


def _find(scope: Scope, request: dict[str, Any]) -> Record:
    return find_job(scope, KIND, request["TrainingJobName"], "Requested resource not found.")


def _describe(record: Record) -> dict[str, Any]:
    return describe_job(record, "TrainingJobArn")


_LISTING = Listing(answer="TrainingJobSummaries", summary=_describe, status="TrainingJobStatus")


def _profiling_status(request: dict[str, Any]) -> str:
    profiler = request.get("ProfilerConfig", {"DisableProfiler": True})
    return "Disabled" if profiler.get("DisableProfiler") else "Enabled"


def _image(scope: Scope, request: dict[str, Any]) -> ImageProtocol:
    algorithm = request["AlgorithmSpecification"]
    if "TrainingImage" not in algorithm:
        raise ValidationException(
            "AlgorithmSpecification.TrainingImage is required, because AlgorithmName is not supported by harness"
        )
    image = find_training_image(scope, algorithm["TrainingImage"], "AlgorithmSpecification.TrainingImage")
    check_training_limits(image, request)
    return image


def _check(scope: Scope, request: dict[str, Any]) -> None:
    refuse_members(request, _UNSUPPORTED)
    refuse_members(request["AlgorithmSpecification"], ("TrainingImageConfig",))
    refuse_members(request["ResourceConfig"], ("TrainingPlanArn",))
    refuse_empty_words(request["AlgorithmSpecification"])
    require_instances(scope, "ResourceConfig", request["ResourceConfig"])
    s3_uri(request["OutputDataConfig"]["S3OutputPath"])
    _check_regexes(request["AlgorithmSpecification"].get("MetricDefinitions", []))
    check_channels(scope, request)
    checkpoint = request.get("CheckpointConfig")
    if checkpoint:
        s3_uri(checkpoint["S3Uri"])
    if checkpoint and not below_root(checkpoint.get("LocalPath", "/opt/ml/checkpoints/")):
        raise ValidationException("CheckpointConfig.LocalPath must lie below /opt/ml")
    _check_spot(request)
    check_experiment_config(scope, request.get("ExperimentConfig"))


def _check_spot(request: dict[str, Any]) -> None:
    stopping = request.get("StoppingCondition", {})
    wait = stopping.get("MaxWaitTimeInSeconds", 0)
    if request.get("EnableManagedSpotTraining"):
        if wait < stopping.get("MaxRuntimeInSeconds", DEFAULT_MAX_RUNTIME):
            raise ValidationException(
                "Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to MaxRuntimeInSeconds"
            )
    elif wait:
        raise ValidationException(
            "Invalid MaxWaitTimeInSeconds. It is only supported when EnableManagedSpotTraining is set to true"
        )


def _check_regexes(definitions: list[dict[str, str]]) -> None:
    for item in definitions:
        try:
            re.compile(item["Regex"])
        except re.error as error:
            raise ValidationException(
                f"AlgorithmSpecification.MetricDefinitions: the regex of {item['Name']!r} is not valid: {error}"
            ) from error
