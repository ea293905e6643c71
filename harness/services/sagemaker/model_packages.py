"""Model packages of the registry: create, describe, list, update, delete.

A package is a version of a group or, unversioned, stands alone. The key is ``group/version`` or the name, in lower
case, as in the ARN. A package is Completed at once, since nothing of it is validated by running it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from harness.kernel.arns import parse_arn
from harness.kernel.errors import ApiError, ConflictException, ValidationException
from harness.kernel.records import Record
from harness.services.paging import Listing
from harness.services.sagemaker.model_package_groups import find_group, is_being_deleted, missing_group
from harness.services.sagemaker.model_package_rules import (
    MOST_PROPERTIES,
    check_additional,
    check_card,
    check_package,
    check_specification,
)
from harness.services.scope import Scope
from harness.stores.records import RecordExists, RecordMissing

KIND = "model-package"
_COUNTER, _TOKENS = "last_version", "client_tokens"
_TOKENS_KEPT = 100
_APPROVAL = "ModelApprovalStatus"


def create_model_package(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    token = request.get("ClientToken", "")
    spec = {name: value for name, value in request.items() if name != "ClientToken"}
    if "InferenceSpecification" not in spec:
        spec["InferenceSpecification"] = _specification_of_source(scope, spec.get("SourceUri", ""))
    check_package(scope, spec)
    if "ModelPackageGroupName" in spec:
        return _create_version(scope, spec, token)
    return _create_unversioned(scope, spec, token)


def describe_model_package(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    return _describe(find_package(scope, request["ModelPackageName"]))


def batch_describe_model_package(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    errors: dict[str, Any] = {}
    for arn in request["ModelPackageArnList"]:
        try:
            found[arn] = _describe(find_package(scope, arn))
        except ApiError as error:
            errors[arn] = {"ErrorCode": error.code, "ErrorResponse": error.message}
    return {"ModelPackageSummaries": found, "BatchDescribeModelPackageErrorMap": errors}


def list_model_packages(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    filters = dict(request)
    group = filters.pop("ModelPackageGroupName", None)
    kind = filters.pop("ModelPackageType", "Both" if group else "Unversioned")
    prefix = f"{find_group(scope, group).name}/" if group else ""

    def is_listed(record: Record) -> bool:
        wanted = kind == "Both" or _is_versioned(record) == (kind == "Versioned")
        return wanted and record.name.startswith(prefix)

    return _LISTING.page(scope.records_of(KIND), filters, is_listed)


def update_model_package(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    record = find_package(scope, request["ModelPackageArn"])
    if _APPROVAL in request and not _is_versioned(record):
        raise ValidationException(f"{_APPROVAL}: only for a model package in a group")
    if "InferenceSpecification" in request:
        check_specification(scope, request["InferenceSpecification"])
    check_additional(scope, request.get("AdditionalInferenceSpecificationsToAdd", []))
    check_card(request.get("ModelCard", {}))

    def change(current: Record) -> Record:
        # Only an updated package has these two members.
        status = {**current.status, "LastModifiedBy": {}}
        updated = replace(current, spec=_apply_update(current.spec, request), status=status)
        check_additional(scope, updated.spec.get("AdditionalInferenceSpecifications", []))
        return updated

    try:
        return {"ModelPackageArn": scope.records.change(record.key, change).arn}
    except RecordMissing as error:
        raise _missing(record.arn) from error


def delete_model_package(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    record = find_package(scope, request["ModelPackageName"])
    try:
        scope.records.delete(record.key)
    except RecordMissing as error:
        raise _missing(record.arn) from error
    return {}


def find_package(scope: Scope, name: str) -> Record:
    """Return the package of a name or ARN, of a version or unversioned."""
    arn = name if name.startswith("arn:") else scope.arn(KIND, name)
    kind, account, region, own = parse_arn(arn)
    known = (kind, account, region) == (KIND, scope.account, scope.region)
    record = scope.records.find(scope.key(KIND, own.lower())) if known else None
    if record is None:
        raise _missing(arn)
    return record


def _create_version(scope: Scope, spec: dict[str, Any], token: str) -> dict[str, Any]:
    group = find_group(scope, spec["ModelPackageGroupName"])
    digest = hashlib.sha256(json.dumps(spec, sort_keys=True, default=str).encode()).hexdigest()

    def count(current: Record) -> Record:
        if is_being_deleted(current):
            raise missing_group(current.arn)
        if token in current.inner.get(_TOKENS, {}):
            return current
        # A number is never given twice, also not after the deletion of its version.
        version = current.inner.get(_COUNTER, 0) + 1
        tokens = dict(list(current.inner.get(_TOKENS, {}).items())[1 - _TOKENS_KEPT :])
        if token:
            tokens[token] = [version, digest]
        return replace(current, inner={**current.inner, _COUNTER: version, _TOKENS: tokens})

    def make(current: Record) -> Record:
        return _version_record(scope, current, spec)

    try:
        pair = scope.records.change_and_add(group.key, count, make)
    except RecordMissing as error:
        raise missing_group(group.arn) from error
    return {"ModelPackageArn": pair[1].arn if pair else _arn_of_token(scope, group, token, digest)}


def _version_record(scope: Scope, group: Record, spec: Mapping[str, Any]) -> Record:
    name, version = group.spec["ModelPackageGroupName"], group.inner[_COUNTER]
    status = {
        **_STATUS,
        "ModelPackageGroupName": name,
        "ModelPackageVersion": version,
    }
    return _record(scope, f"{name}/{version}", {_APPROVAL: "PendingManualApproval", **spec}, status)


def _arn_of_token(scope: Scope, group: Record, token: str, digest: str) -> str:
    """Return the version that an earlier request with the same token made."""
    version, first = find_group(scope, group.arn).inner[_TOKENS][token]
    if first != digest:
        raise ConflictException(f"ClientToken {token} was used before in a request with other members; use a new one")
    return scope.arn(KIND, f"{group.name}/{version}")


def _create_unversioned(scope: Scope, spec: dict[str, Any], token: str) -> dict[str, Any]:
    made = _record(scope, spec["ModelPackageName"], spec, _STATUS, {_TOKENS: token})
    try:
        return {"ModelPackageArn": scope.records.add(made).arn}
    except RecordExists as taken:
        if token and taken.existing.inner.get(_TOKENS) == token and taken.existing.spec == made.spec:
            return {"ModelPackageArn": taken.existing.arn}
        # SDK v2 searches this text for "ModelPackage already exists".
        raise ValidationException(f"ModelPackage already exists: {taken.existing.arn}") from taken


def _record(
    scope: Scope,
    name: str,
    spec: Mapping[str, Any],
    status: Mapping[str, Any],
    inner: Mapping[str, Any] | None = None,
) -> Record:
    now = scope.clock.real()
    return Record(
        scope.key(KIND, name.lower()), scope.arn(KIND, name), spec, status, inner or {}, created=now, modified=now
    )


def _specification_of_source(scope: Scope, source: str) -> Mapping[str, Any]:
    """Return the specification of the package that SourceUri names: the request clones it."""
    if f":{KIND}/" not in source:
        raise ValidationException(
            "InferenceSpecification is required; it may only be left out if SourceUri is the ARN of a model package"
        )
    specification: Mapping[str, Any] = find_package(scope, source).spec["InferenceSpecification"]
    return specification


def _apply_update(spec: Mapping[str, Any], request: Mapping[str, Any]) -> dict[str, Any]:
    special = ("ModelPackageArn", "ClientToken", "CustomerMetadataProperties", "ModelCard")
    plain = {name: value for name, value in request.items() if name not in special and not name.endswith(_LISTS)}
    updated = {**spec, **plain}
    if added := request.get("AdditionalInferenceSpecificationsToAdd"):
        updated["AdditionalInferenceSpecifications"] = [*spec.get("AdditionalInferenceSpecifications", []), *added]
    if "ModelCard" in request:
        updated["ModelCard"] = {**spec.get("ModelCard", {}), **request["ModelCard"]}
    removed = request.get("CustomerMetadataPropertiesToRemove", [])
    properties = {**spec.get("CustomerMetadataProperties", {}), **request.get("CustomerMetadataProperties", {})}
    properties = {name: value for name, value in properties.items() if name not in removed}
    if len(properties) > MOST_PROPERTIES:
        raise ValidationException(
            f"CustomerMetadataProperties: {len(properties)} of at most {MOST_PROPERTIES} properties"
        )
    updated.pop("CustomerMetadataProperties", None)
    return {**updated, **({"CustomerMetadataProperties": properties} if properties else {})}


def _describe(record: Record) -> dict[str, Any]:
    updated = {"LastModifiedTime": record.modified} if "LastModifiedBy" in record.status else {}
    return {
        **record.describe(),
        "ModelPackageArn": record.arn,
        "CreationTime": record.created,
        "CreatedBy": {},
        **updated,
    }


def _is_versioned(record: Record) -> bool:
    return "ModelPackageVersion" in record.status


def _missing(arn: str) -> ValidationException:
    # SDK v2 and v3 search for "Could not find", Terraform's AWS provider for "does not exist".
    return ValidationException(f"Could not find model package: ModelPackage {arn} does not exist.")


def _sort_name(record: Record) -> str:
    """Return the name for sorting, with versions in the order of their numbers."""
    group, _, version = record.name.partition("/")
    return f"{group}/{version:0>9}"


_LISTS = ("ToAdd", "ToRemove")
_STATUS = {
    "ModelPackageStatus": "Completed",
    "ModelPackageStatusDetails": {"ValidationStatuses": [], "ImageScanStatuses": []},
    "CertifyForMarketplace": False,
}
_LISTING = Listing(
    answer="ModelPackageSummaryList",
    summary=_describe,
    filters={
        "NameContains": lambda record, text: text.lower() in record.name.partition("/")[0],
        _APPROVAL: lambda record, value: record.spec.get(_APPROVAL) == value,
    },
    sorts={"Name": _sort_name},
    sort_order="Ascending",
)
