"""Checks of the requests of model packages: members that belong together, containers, specifications, model cards.

Where no other source is named, a rule is from the API reference of CreateModelPackage.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from harness.kernel.errors import ValidationException
from harness.services.sagemaker.images import find_model_image
from harness.services.sagemaker.jobs import refuse_duplicates, refuse_members
from harness.services.sagemaker.model_sources import check_model_source
from harness.services.sagemaker.staged_data import s3_uri
from harness.services.scope import Scope
from harness.stores.objects import BucketMissing

MOST_SPECIFICATIONS = 15
MOST_PROPERTIES = 50
_VERSIONED_ONLY = ("ModelApprovalStatus", "CustomerMetadataProperties", "ModelLifeCycle")
_NOT_RUN = ("ValidationSpecification", "SourceAlgorithmSpecification", "ManagedStorageType")
_NOT_HOSTED = (
    *("ImageDigest", "ModelDataETag", "ProductId", "AdditionalModelDataSources"),
    *("AdditionalS3DataSource", "IsCheckpoint", "BaseModel"),
)


def check_package(scope: Scope, request: dict[str, Any]) -> None:
    """Check a Create request that names either a group or a package."""
    refuse_members(request, _NOT_RUN)
    versioned = "ModelPackageGroupName" in request
    if versioned and "ModelPackageName" in request:
        # A recorded message.
        raise ValidationException(
            "Both ModelPackageName and ModelPackageGroupName are provided in the input. "
            "Cannot determine which one to use."
        )
    if not versioned and "ModelPackageName" not in request:
        raise ValidationException("Either ModelPackageName or ModelPackageGroupName must be provided in the input.")
    if versioned:
        _check_versioned(request)
    else:
        _check_unversioned(request)
    check_specification(scope, request["InferenceSpecification"])
    check_additional(scope, request.get("AdditionalInferenceSpecifications", []))
    _check_uris(request.get("ModelMetrics", {}))
    _check_uris(request.get("DriftCheckBaselines", {}))
    check_card(request.get("ModelCard", {}))


def check_specification(scope: Scope, specification: Mapping[str, Any]) -> None:
    for container in specification["Containers"]:
        _check_container(scope, container)


def check_additional(scope: Scope, specifications: Sequence[Mapping[str, Any]]) -> None:
    if len(specifications) > MOST_SPECIFICATIONS:
        raise ValidationException(
            f"AdditionalInferenceSpecifications: {len(specifications)} of at most {MOST_SPECIFICATIONS} specifications"
        )
    refuse_duplicates("AdditionalInferenceSpecifications", [item["Name"] for item in specifications])
    for item in specifications:
        check_specification(scope, item)


def check_card(card: Mapping[str, Any]) -> None:
    """Check the content of a model card: the package's own schema is a part of the one of model cards."""
    if "ModelCardContent" not in card:
        return
    try:
        content = json.loads(card["ModelCardContent"])
    except ValueError as error:
        raise ValidationException(f"ModelCard.ModelCardContent is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise ValidationException("ModelCard.ModelCardContent must be a JSON object")
    if "model_package_details" in content:
        raise ValidationException("ModelCard.ModelCardContent: a model package has no model_package_details")
    overview = content.get("model_overview", {})
    unknown = set(overview) - {"model_creator", "model_artifact"} if isinstance(overview, dict) else {"model_overview"}
    if unknown:
        raise ValidationException(
            f"ModelCard.ModelCardContent: {', '.join(sorted(unknown))} is not allowed; model_overview of a model "
            "package may hold model_creator and model_artifact"
        )


def _check_versioned(request: Mapping[str, Any]) -> None:
    if request.get("Tags"):
        raise ValidationException(
            "Tags: a model package in a group cannot have tags; give them to the model package group"
        )
    if request.get("CertifyForMarketplace"):
        raise ValidationException("CertifyForMarketplace: only for a model package that is in no group")


def _check_unversioned(request: Mapping[str, Any]) -> None:
    for member in _VERSIONED_ONLY:
        if request.get(member):
            raise ValidationException(f"{member}: only for a model package in a group; give ModelPackageGroupName")
    if request.get("CertifyForMarketplace"):
        raise ValidationException("CertifyForMarketplace: AWS Marketplace is not supported by harness")
    specifications = [request["InferenceSpecification"], *request.get("AdditionalInferenceSpecifications", [])]
    if any(container.get("Environment") for item in specifications for container in item["Containers"]):
        # A recorded message.
        raise ValidationException(
            "1 validation errors detected: Environment variable map cannot be specified when using non-versioned "
            "ModelPackages"
        )


def _check_container(scope: Scope, container: dict[str, Any]) -> None:
    refuse_members(container, _NOT_HOSTED)
    if "Image" not in container:
        raise ValidationException("InferenceSpecification: the container has no Image")
    image = find_model_image(scope, container["Image"], "Image")
    if not image.has_program("serve"):
        raise ValidationException(
            f"Image: {image.display_name} has no 'serve' program in harness, so it cannot host a model"
        )
    source = container.get("ModelDataSource", {}).get("S3DataSource")
    if source and container.get("ModelDataUrl"):
        raise ValidationException("The container has both ModelDataUrl and ModelDataSource; use one of them")
    check_model_source(source)
    uri = source["S3Uri"] if source else container.get("ModelDataUrl")
    if uri:
        _require_model_data(scope, uri)


def _require_model_data(scope: Scope, uri: str) -> None:
    """Refuse model data that is not in S3. AWS checks it too; its words are not known."""
    target = s3_uri(uri)
    try:
        found = next(iter(scope.objects.list(target)), None)
    except BucketMissing:
        found = None
    if found is None:
        raise ValidationException(f"Could not find model data at {uri}.")


def _check_uris(part: Mapping[str, Any]) -> None:
    """Check the S3 URIs of all files that metrics or baselines name."""
    for value in part.values():
        if isinstance(value, Mapping):
            _check_uris(value)
    if "S3Uri" in part:
        s3_uri(part["S3Uri"])
