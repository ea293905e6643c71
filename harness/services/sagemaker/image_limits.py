"""What the programs that stand for images of AWS cannot do, refused when a job or a model is created.

The programs refuse the same by themselves, for those who start them without the emulator. Images of a container engine
are not known here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.contract.catalog import Image
from harness.contract.containers import ImageProtocol
from harness.kernel.errors import ValidationException

_PROGRAM = "sagemaker_program"
_PROGRAM_VARIABLE = "SAGEMAKER_PROGRAM"
_MULTI_MODEL_VARIABLE = "SAGEMAKER_MULTI_MODEL"
_INSTEAD = 'start the script by a ContainerEntrypoint, or use an image of your own (runner = "docker")'
_TRAINING_FORMATS = {
    "parquet": "parquet",
    "application/x-parquet": "parquet",
    "recordio-protobuf": "recordio-protobuf",
    "application/x-recordio-protobuf": "recordio-protobuf",
}
_DATA_QUALITY = "DATA_QUALITY"


def refuse_training_beyond(image: ImageProtocol, request: Mapping[str, Any]) -> None:
    """Refuse a training job that the image's own program cannot run."""
    if not isinstance(image, Image) or request["AlgorithmSpecification"].get("ContainerEntrypoint"):
        return
    if _PROGRAM in request.get("HyperParameters", {}):
        raise _script_mode(f"HyperParameters.{_PROGRAM}", image)
    _refuse_program_variable(image, "Environment", request.get("Environment", {}))
    if not image.offers("train"):
        raise ValidationException(
            f"AlgorithmSpecification.TrainingImage: image {image.title} has no 'train' program here; {_INSTEAD}"
        )
    if image.name == "xgboost":
        for channel in request.get("InputDataConfig", []):
            _refuse_format(channel)


def refuse_hosting_beyond(image: ImageProtocol, member: str, environment: Mapping[str, str]) -> None:
    """Refuse variables of a model, or of its batch transform, that ask for what the image's server cannot do."""
    if not isinstance(image, Image):
        return
    _refuse_program_variable(image, member, environment)
    if environment.get(_MULTI_MODEL_VARIABLE):
        raise ValidationException(
            f"{member}.{_MULTI_MODEL_VARIABLE}: several models in one server are not supported by harness"
        )


def refuse_analysis_beyond(image: ImageProtocol, request: Mapping[str, Any]) -> None:
    """Refuse an analysis other than that of data quality."""
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


def _refuse_program_variable(image: Image, member: str, environment: Mapping[str, str]) -> None:
    if environment.get(_PROGRAM_VARIABLE):
        raise _script_mode(f"{member}.{_PROGRAM_VARIABLE}", image)


def _script_mode(member: str, image: Image) -> ValidationException:
    return ValidationException(
        f"{member}: script mode is not supported by harness's {image.title}, which holds no toolkit of AWS's; "
        f"{_INSTEAD}"
    )


def _refuse_format(channel: Mapping[str, Any]) -> None:
    kind = channel.get("ContentType", "").partition(";")[0].strip().lower()
    if channel["ChannelName"] in ("train", "validation") and kind in _TRAINING_FORMATS:
        raise ValidationException(
            f"Channel {channel['ChannelName']!r}: ContentType {kind} is not supported by harness's XGBoost; "
            "use text/csv or text/libsvm"
        )
