"""Refuses jobs and models that harness's own programs for AWS images cannot run, when they are created.

The programs check the same when they start, since they can be used without the emulator. Images that a container engine
runs are not checked.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.contract.catalog import Image
from harness.contract.containers import ImageProtocol
from harness.contract.training import channel_mode
from harness.kernel.errors import ValidationException
from harness.services.sagemaker.jobs import count_instances

_PROGRAM = "sagemaker_program"
_PROGRAM_VARIABLE = "SAGEMAKER_PROGRAM"
_DISTRIBUTION = (
    "sagemaker_mpi_enabled",
    "sagemaker_torch_distributed_enabled",
    "sagemaker_pytorch_ddp_enabled",
    "sagemaker_pytorch_xla_multi_worker_enabled",
    "sagemaker_distributed_dataparallel_enabled",
    "sagemaker_parameter_server_enabled",
    "sagemaker_multi_worker_mirrored_strategy_enabled",
    "sagemaker_s3_output",
)
"""Hyperparameters that ask the toolkit for distributed training, or for a copy of intermediate files."""
_MULTI_MODEL_VARIABLE = "SAGEMAKER_MULTI_MODEL"
_INSTEAD = 'start the script with ContainerEntrypoint, or use your own image (runner = "docker")'
_TRAINING_FORMATS = {
    "parquet": "parquet",
    "application/x-parquet": "parquet",
    "recordio-protobuf": "recordio-protobuf",
    "application/x-recordio-protobuf": "recordio-protobuf",
}
_BEFORE_1_0 = ("1", "0.90-1", "0.90-2")
_DATA_QUALITY = "DATA_QUALITY"


def check_training_limits(image: ImageProtocol, request: Mapping[str, Any]) -> None:
    """Refuse a training job that harness's program for the image cannot run."""
    if not isinstance(image, Image) or request["AlgorithmSpecification"].get("ContainerEntrypoint"):
        return
    script = _wants_script(image, request)
    if not image.has_program("train"):
        raise ValidationException(
            f"AlgorithmSpecification.TrainingImage: image {image.display_name} has no 'train' program in "
            f"harness; {_INSTEAD}"
        )
    if image.name == "xgboost" and not script:
        _refuse_hosts(image, count_instances(request["ResourceConfig"]))
        for channel in request.get("InputDataConfig", []):
            _refuse_format(image, channel, channel_mode(request, channel))


def check_hosting_limits(image: ImageProtocol, member: str, environment: Mapping[str, str]) -> None:
    """Refuse environment variables of a model or transform job that ask for features the image's server lacks."""
    if not isinstance(image, Image):
        return
    _refuse_program_variable(image, member, environment)
    if environment.get(_MULTI_MODEL_VARIABLE):
        raise ValidationException(
            f"{member}.{_MULTI_MODEL_VARIABLE}: several models in one server are not supported by harness"
        )


def check_analysis_limits(image: ImageProtocol, request: Mapping[str, Any]) -> None:
    """Refuse analyses of harness's model monitor image other than data quality."""
    if not isinstance(image, Image) or image.name != "model-monitor-analyzer":
        return
    if request["AppSpecification"].get("ContainerEntrypoint"):
        return
    environment = request.get("Environment", {})
    kind = environment.get("analysis_type") or _DATA_QUALITY
    if kind != _DATA_QUALITY:
        raise ValidationException(f"Environment.analysis_type {kind} is not supported by harness; {_DATA_QUALITY} is")
    if "sagemakerMergeJson" in environment.get("dataset_format", ""):
        raise ValidationException(
            "Environment.dataset_format sagemakerMergeJson, of model quality, is not supported by harness"
        )


def _wants_script(image: Image, request: Mapping[str, Any]) -> bool:
    """Return whether the job runs a script of the user's; refuse it where the image has no toolkit."""
    hyperparameters = request.get("HyperParameters", {})
    if _PROGRAM in hyperparameters and not image.toolkit:
        raise _script_mode(f"HyperParameters.{_PROGRAM}", image)
    _refuse_program_variable(image, "Environment", request.get("Environment", {}))
    for name in _DISTRIBUTION:
        if hyperparameters.get(name, "false").strip('"').lower() not in ("", "false"):
            raise ValidationException(f"HyperParameters.{name} is not supported by harness's {image.display_name}")
    return _PROGRAM in hyperparameters or bool(request.get("Environment", {}).get(_PROGRAM_VARIABLE))


def _refuse_program_variable(image: Image, member: str, environment: Mapping[str, str]) -> None:
    if environment.get(_PROGRAM_VARIABLE) and not image.toolkit:
        raise _script_mode(f"{member}.{_PROGRAM_VARIABLE}", image)


def _script_mode(member: str, image: Image) -> ValidationException:
    return ValidationException(
        f"{member}: script mode is not supported by harness's {image.display_name}, which has no SageMaker training "
        f"toolkit; {_INSTEAD}"
    )


def _refuse_hosts(image: Image, count: int) -> None:
    if count > 1 and image.version in _BEFORE_1_0:
        raise ValidationException(
            f"ResourceConfig.InstanceCount {count}: XGBoost before 1.0 trains on one instance in harness, because its "
            "package has no tracker; use 1, or version 1.0-1 or later"
        )


def _refuse_format(image: Image, channel: Mapping[str, Any], mode: str) -> None:
    name, given = channel["ChannelName"], channel.get("ContentType", "")
    kind = _TRAINING_FORMATS.get(given.partition(";")[0].strip().lower())
    if name not in ("train", "validation") or kind is None:
        return
    if image.version in _BEFORE_1_0:
        raise ValidationException(
            f"Channel {name!r}: ContentType {given} is not supported by harness's {image.display_name}; "
            "use text/csv or text/libsvm, or version 1.0-1 or later"
        )
    if mode == "Pipe" and kind == "parquet":
        raise ValidationException(
            f"Channel {name!r}: Pipe mode for ContentType {given} is not supported by harness's XGBoost; use File mode"
        )
