"""Models: create, describe, list, delete."""

from __future__ import annotations

from typing import Any

from harness.kernel.errors import ValidationException
from harness.kernel.records import Record
from harness.services.paging import INCLUSIVE_TIMES, Listing
from harness.services.sagemaker.image_limits import check_hosting_limits
from harness.services.sagemaker.images import find_model_image
from harness.services.sagemaker.jobs import refuse_members
from harness.services.sagemaker.model_packages import find_package
from harness.services.sagemaker.model_sources import check_model_source
from harness.services.sagemaker.staged_data import s3_uri
from harness.services.scope import Scope
from harness.stores.records import RecordExists

KIND = "model"
_BESIDE_PACKAGE = ("ModelPackageName", "InferenceSpecificationName", "Environment", "ContainerHostname")
_FROM_PACKAGE = ("Image", "ModelDataUrl", "ModelDataSource", "ContainerHostname")


def create_model(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    containers = [_resolve(scope, container) for container in _containers(request)]
    for container in containers:
        _check_container(scope, container)
    record = Record(
        key=scope.key(KIND, request["ModelName"]),
        arn=scope.arn(KIND, request["ModelName"]),
        spec=_with_container(request, containers[0]),
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


def _resolve(scope: Scope, container: dict[str, Any]) -> dict[str, Any]:
    """Return the container to run: of a model package, the package's own with the variables of the request."""
    if "ModelPackageName" not in container:
        if "InferenceSpecificationName" in container:
            raise ValidationException("InferenceSpecificationName: only for a container with a ModelPackageName")
        return container
    others = [member for member in container if member not in _BESIDE_PACKAGE]
    if others:
        raise ValidationException(f"{', '.join(others)}: not allowed in a container with a ModelPackageName")
    package = find_package(scope, container["ModelPackageName"])
    # CreateModelPackage in the API reference: a version must be Approved to be deployed. AWS's words are not known.
    approval = package.spec.get("ModelApprovalStatus", "Approved")
    if approval != "Approved":
        raise ValidationException(
            f"Model package {package.arn} has ModelApprovalStatus {approval}; it must be Approved to be deployed"
        )
    packed = _containers_of_package(package, container.get("InferenceSpecificationName"))
    if len(packed) > 1:
        raise ValidationException(
            f"ModelPackageName: {package.arn} has several containers; models of several containers are not supported "
            "by harness"
        )
    own = {member: value for member, value in packed[0].items() if member in _FROM_PACKAGE}
    asked = {member: container[member] for member in ("ContainerHostname",) if member in container}
    environment = {**packed[0].get("Environment", {}), **container.get("Environment", {})}
    return {**own, **asked, **({"Environment": environment} if environment else {})}


def _containers_of_package(package: Record, specification: str | None) -> list[dict[str, Any]]:
    found: list[dict[str, Any]]
    if specification is None:
        found = package.spec["InferenceSpecification"]["Containers"]
        return found
    names = []
    for item in package.spec.get("AdditionalInferenceSpecifications", []):
        if item["Name"] == specification:
            found = item["Containers"]
            return found
        names.append(item["Name"])
    raise ValidationException(
        f"InferenceSpecificationName {specification!r} is not a specification of {package.arn}; "
        f"it has: {', '.join(names) or 'none'}"
    )


def _with_container(request: dict[str, Any], container: dict[str, Any]) -> dict[str, Any]:
    """Return the request with the container that runs. The status keeps the one that Describe shows."""
    if "PrimaryContainer" in request:
        return {**request, "PrimaryContainer": container}
    return {**request, "Containers": [container]}


def _check_container(scope: Scope, container: dict[str, Any]) -> None:
    refuse_members(container, ("MultiModelConfig", "AdditionalModelDataSources"))
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
    check_model_source(container.get("ModelDataSource", {}).get("S3DataSource"))


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
