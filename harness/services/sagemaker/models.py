"""Models: create, describe, list, delete."""

from __future__ import annotations

from typing import Any

from harness.kernel.errors import ValidationException
from harness.kernel.records import Record
from harness.services.paging import INCLUSIVE_TIMES, Listing
from harness.services.sagemaker.image_limits import check_hosting_limits
from harness.services.sagemaker.images import find_model_image
from harness.services.sagemaker.jobs import refuse_members
from harness.services.sagemaker.staged_data import s3_uri
from harness.services.scope import Scope
from harness.stores.records import RecordExists

KIND = "model"


def create_model(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    containers = _containers(request)
    for container in containers:
        _check_container(scope, container)
    record = Record(
        key=scope.key(KIND, request["ModelName"]),
        arn=scope.arn(KIND, request["ModelName"]),
        spec=request,
        status={
            "EnableNetworkIsolation": request.get("EnableNetworkIsolation", False),
            **_describe_containers(request),
        },
        created=scope.clock.real(),
    )
    try:
        scope.records.add(record)
    except RecordExists as taken:
        raise ValidationException(f'Cannot create already existing model "{taken.existing.arn}".') from taken
    return {"ModelArn": record.arn}


def describe_model(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    return _describe(find_model(scope, request["ModelName"]))


def list_models(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    return _LISTING.page(scope.records_of(KIND), request)


def delete_model(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    scope.records.delete(find_model(scope, request["ModelName"]).key)
    return {}


def find_model(scope: Scope, name: str) -> Record:
    record = scope.records.find(scope.key(KIND, name))
    if record is None:
        raise ValidationException(f'Could not find model "{scope.arn(KIND, name)}".')
    return record


def _describe(record: Record) -> dict[str, Any]:
    return {**record.describe(), "ModelArn": record.arn, "CreationTime": record.created}


_LISTING = Listing(answer="Models", summary=_describe, filters=INCLUSIVE_TIMES)


def _containers(request: dict[str, Any]) -> list[dict[str, Any]]:
    if request.get("InferenceExecutionConfig", {}).get("Mode", "Serial") != "Serial":
        raise ValidationException("InferenceExecutionConfig.Mode Direct is not supported by harness; use Serial")
    if "PrimaryContainer" in request and request.get("Containers"):
        raise ValidationException("The request has both PrimaryContainer and Containers; use one of them")
    containers = request.get("Containers") or ([request["PrimaryContainer"]] if "PrimaryContainer" in request else [])
    if not containers:
        raise ValidationException("A model needs a PrimaryContainer")
    if len(containers) > 1:
        raise ValidationException("Containers: models of several containers are not supported by harness")
    return containers


def _check_container(scope: Scope, container: dict[str, Any]) -> None:
    refuse_members(
        container, ("ModelPackageName", "MultiModelConfig", "InferenceSpecificationName", "AdditionalModelDataSources")
    )
    if container.get("Mode", "SingleModel") != "SingleModel":
        raise ValidationException(f"Mode {container['Mode']} is not supported by harness; use SingleModel")
    if "Image" not in container:
        raise ValidationException("The container definition has no Image")
    image = find_model_image(scope, container["Image"], "Image")
    if not image.has_program("serve"):
        raise ValidationException(
            f"Image: {image.display_name} has no 'serve' program in harness, so it cannot host a model"
        )
    check_hosting_limits(image, "Environment", container.get("Environment", {}))
    if container.get("ImageConfig", {}).get("RepositoryAccessMode", "Platform") != "Platform":
        raise ValidationException("ImageConfig.RepositoryAccessMode Vpc is not supported by harness; use Platform")
    if container.get("ModelDataUrl"):
        s3_uri(container["ModelDataUrl"])
    _check_source(container.get("ModelDataSource", {}).get("S3DataSource"))


def _check_source(source: dict[str, Any] | None) -> None:
    if source is None:
        return
    refuse_members(source, ("HubAccessConfig", "ManifestS3Uri"))
    s3_uri(source["S3Uri"])
    if source["CompressionType"] == "Gzip" and source["S3DataType"] != "S3Object":
        raise ValidationException("ModelDataSource: CompressionType Gzip needs S3DataType S3Object")


def _describe_containers(request: dict[str, Any]) -> dict[str, Any]:
    if "PrimaryContainer" in request:
        return {"PrimaryContainer": _describe_container(request["PrimaryContainer"])}
    return {"Containers": [_describe_container(item) for item in request["Containers"]]}


def _describe_container(container: dict[str, Any]) -> dict[str, Any]:
    """Add the ModelDataSource that DescribeModel derives from ModelDataUrl."""
    if not container.get("ModelDataUrl") or "ModelDataSource" in container:
        return container
    source = {"S3Uri": container["ModelDataUrl"], "S3DataType": "S3Object", "CompressionType": "Gzip"}
    return {"Mode": "SingleModel", **container, "ModelDataSource": {"S3DataSource": source}}
