"""Groups of the model registry: create, describe, list, delete, and their resource policies.

The key of a group is its name in lower case, since the ARNs of groups and versions are in lower case.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from harness.kernel.arns import parse_arn
from harness.kernel.errors import ConflictException, UnsupportedOperation, ValidationException
from harness.kernel.records import Record
from harness.services.paging import Listing
from harness.services.sagemaker.jobs import refuse_members
from harness.services.scope import Scope
from harness.stores.record_queries import RecordQuery
from harness.stores.records import RecordExists, RecordMissing

KIND = "model-package-group"
_POLICY = "policy"
_COMPLETED, _DELETING = "Completed", "Deleting"


def create_model_package_group(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    refuse_members(request, ("ManagedConfiguration",))
    name = request["ModelPackageGroupName"]
    now = scope.clock.real()
    record = Record(
        scope.key(KIND, name.lower()),
        scope.arn(KIND, name),
        request,
        _status(_COMPLETED),
        created=now,
        modified=now,
    )
    try:
        scope.records.add(record)
    except RecordExists as taken:
        # SDK v2 and the pipeline step of AWS search this text for "already exists".
        raise ValidationException(f"Model Package Group already exists: {taken.existing.arn}") from taken
    return {"ModelPackageGroupArn": record.arn}


def describe_model_package_group(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    return _describe(find_group(scope, request["ModelPackageGroupName"]))


def list_model_package_groups(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    others = dict(request)
    if others.pop("CrossAccountFilterOption", "SameAccount") != "SameAccount":
        raise UnsupportedOperation("CrossAccountFilterOption CrossAccount is not supported by harness.")
    return _LISTING.page(scope.records_of(KIND), others)


def delete_model_package_group(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    group = find_group(scope, request["ModelPackageGroupName"])
    # In status Deleting a group takes no new version, so none can be added between the check and the deletion.
    group = _change(scope, group, lambda record: replace(record, status={**record.status, **_status(_DELETING)}))
    if any(True for _ in versions_of(scope, group)):
        _change(scope, group, lambda record: replace(record, status={**record.status, **_status(_COMPLETED)}))
        raise ConflictException(
            f"Model package group {group.arn} cannot be deleted because it contains model packages. "
            "Delete its model packages first."
        )
    _delete(scope, group)
    return {}


def put_model_package_group_policy(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    """Store a resource policy. Nothing enforces it: harness has one account."""
    group = _find_for_policy(scope, request["ModelPackageGroupName"])
    try:
        document = json.loads(request["ResourcePolicy"])
    except ValueError as error:
        raise ValidationException(f"ResourcePolicy is not JSON: {error}") from error
    if not isinstance(document, dict) or not document.get("Statement"):
        raise ValidationException("ResourcePolicy: the policy document has no Statement")
    policy = request["ResourcePolicy"]
    _change(scope, group, lambda record: replace(record, inner={**record.inner, _POLICY: policy}))
    return {"ModelPackageGroupArn": group.arn}


def get_model_package_group_policy(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    return {"ResourcePolicy": _policy(_find_for_policy(scope, request["ModelPackageGroupName"]))}


def delete_model_package_group_policy(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    group = _find_for_policy(scope, request["ModelPackageGroupName"])
    _policy(group)

    def drop(record: Record) -> Record:
        return replace(record, inner={name: value for name, value in record.inner.items() if name != _POLICY})

    _change(scope, group, drop)
    return {}


def find_group(scope: Scope, name: str) -> Record:
    """Return the group of a name or ARN."""
    arn = name if name.startswith("arn:") else scope.arn(KIND, name)
    kind, account, region, own = parse_arn(arn)
    known = (kind, account, region) == (KIND, scope.account, scope.region)
    record = scope.records.find(scope.key(KIND, own.lower())) if known else None
    if record is None:
        raise missing_group(arn)
    return record


def missing_group(arn: str) -> ValidationException:
    return ValidationException(f"ModelPackageGroup {arn} does not exist.")


def versions_of(scope: Scope, group: Record) -> list[Record]:
    """Return the versions of a group, oldest first."""
    prefix = f"{group.name}/"
    query = RecordQuery("model-package", scope.account, scope.region, name_contains=prefix)
    return [record for record in scope.records.select(query) if record.name.startswith(prefix)]


def is_being_deleted(group: Record) -> bool:
    return group.state == _DELETING


def _describe(record: Record) -> dict[str, Any]:
    return {
        **record.describe(),
        "ModelPackageGroupArn": record.arn,
        "CreationTime": record.created,
        "CreatedBy": {},
    }


def _status(value: str) -> dict[str, str]:
    return {"ModelPackageGroupStatus": value}


def _find_for_policy(scope: Scope, name: str) -> Record:
    try:
        return find_group(scope, name)
    except ValidationException as error:
        # The words that Terraform's AWS provider searches for.
        raise ValidationException(f"Cannot find Model Package Group: {name}") from error


def _policy(group: Record) -> str:
    if _POLICY not in group.inner:
        raise ValidationException(f"Cannot find resource policy for: {group.arn}")
    return str(group.inner[_POLICY])


def _change(scope: Scope, group: Record, change: Any) -> Record:
    try:
        return scope.records.change(group.key, change)
    except RecordMissing as error:
        raise missing_group(group.arn) from error


def _delete(scope: Scope, group: Record) -> None:
    try:
        scope.records.delete(group.key)
    except RecordMissing as error:
        raise missing_group(group.arn) from error


_LISTING = Listing(
    answer="ModelPackageGroupSummaryList",
    summary=_describe,
    filters={"NameContains": lambda record, text: text.lower() in record.name},
    sort_order="Ascending",
)
