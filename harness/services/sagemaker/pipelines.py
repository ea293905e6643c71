"""Pipelines and their versions: create, update, describe, list, delete."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from harness.contract.pipelines.definition import BadDefinition, parse_definition
from harness.contract.pipelines.step_types import CALLING
from harness.engine.lifecycle import is_unfinished
from harness.engine.pipelines.records import EXECUTION, PIPELINE, VERSION, pipeline_of, version_key
from harness.kernel.errors import ConflictException, ResourceNotFound, ValidationException
from harness.kernel.records import Record
from harness.kernel.s3uri import S3Uri
from harness.services.paging import Listing
from harness.services.registry import operation
from harness.services.sagemaker.jobs import refuse_members
from harness.services.scope import Scope
from harness.stores.objects import BucketMissing, ObjectMissing
from harness.stores.records import RecordExists

_LONGEST_DEFINITION = 1_048_576
_OWN_MEMBERS = ("PipelineDisplayName", "PipelineDescription", "RoleArn", "ParallelismConfiguration")


def create_pipeline(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    definition = _read_definition(scope, request)
    if definition is None:
        raise ValidationException("Specify one of PipelineDefinition and PipelineDefinitionS3Location")
    name, now = request["PipelineName"], scope.clock.real()
    record = Record(
        key=scope.key(PIPELINE, name),
        arn=scope.arn(PIPELINE, name),
        spec={
            "PipelineName": name,
            "PipelineDisplayName": name,
            **{member: request[member] for member in _OWN_MEMBERS if member in request},
            "Tags": request.get("Tags", []),
        },
        status={"PipelineStatus": "Active"},
        inner={"version": 1, "token": request["ClientRequestToken"]},
        created=now,
    )
    try:
        scope.records.add(record)
    except RecordExists as taken:
        if taken.existing.inner["token"] == request["ClientRequestToken"]:
            return {"PipelineArn": taken.existing.arn}
        # SDK v2 looks for "already exists" and v3 for "must be unique within an AWS account".
        raise ValidationException(
            "Pipeline names must be unique within an AWS account and region. "
            f"Pipeline with name ({name}) already exists."
        ) from taken
    _add_version(scope, record, definition, request)
    return {"PipelineArn": record.arn}


def update_pipeline(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    record = find_pipeline(scope, request["PipelineName"])
    definition = _read_definition(scope, request)
    if definition is None and request.get("PipelineVersionAliases"):
        raise ValidationException("PipelineVersionAliases are for the new version: PipelineDefinition is missing")
    members = {member: request[member] for member in _OWN_MEMBERS if member in request}

    def change(current: Record) -> Record:
        version = current.inner["version"] + (definition is not None)
        return replace(current, spec={**current.spec, **members}, inner={**current.inner, "version": version})

    record = scope.records.change(record.key, change)
    if definition is not None:
        _add_version(scope, record, definition, request)
    return {"PipelineArn": record.arn, "PipelineVersionId": record.inner["version"]}


def describe_pipeline(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    record = find_pipeline(scope, request["PipelineName"])
    version = find_version(scope, record, request)
    shown = {name: value for name, value in version.spec.items() if name != "PipelineVersionAliases"}
    aliases = version.spec.get("PipelineVersionAliases")
    last_run = record.inner.get("last_run")
    return {
        **{name: value for name, value in record.describe().items() if name != "Tags"},
        **shown,
        "PipelineArn": record.arn,
        "CreationTime": record.created,
        "LastModifiedTime": version.created if "PipelineVersionId" in request else record.modified,
        **({"LastRunTime": last_run} if last_run else {}),
        **({"PipelineVersionAliases": aliases} if aliases else {}),
    }


def list_pipelines(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    return _LISTING.page(scope.records_of(PIPELINE), request)


def delete_pipeline(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    record = find_pipeline(scope, request["PipelineName"])
    executions = [
        execution
        for execution in scope.records.scan(EXECUTION, scope.account, scope.region)
        if pipeline_of(execution) == record.name
    ]
    for execution in executions:
        if is_unfinished(execution):
            raise ConflictException(f"Pipeline {record.arn} has the running execution {execution.arn}. Stop it first.")
    scope.records.delete(record.key)
    for version in list(_versions(scope, record)):
        scope.records.delete(version.key)
    for execution in executions:
        scope.records.delete(execution.key)
    return {"PipelineArn": record.arn}


def list_pipeline_versions(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    record = find_pipeline(scope, request["PipelineName"])
    rest = {name: value for name, value in request.items() if name != "PipelineName"}
    return _VERSIONS.page(scope.records_of(VERSION), rest, lambda version: pipeline_of(version) == record.name)


def update_pipeline_version(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    record = find_pipeline(scope, request["PipelineArn"])
    version = find_version(scope, record, request)
    aliases = request.get("PipelineVersionAliasOperations", {})
    kept = [alias for alias in version.spec.get("PipelineVersionAliases", []) if alias not in aliases.get("Remove", [])]
    for alias in aliases.get("Add", []):
        _take_alias(scope, record, alias)
    members: dict[str, Any] = {
        name: request[name] for name in ("PipelineVersionDisplayName", "PipelineVersionDescription") if name in request
    }
    members["PipelineVersionAliases"] = list(dict.fromkeys((*kept, *aliases.get("Add", []))))
    scope.records.change(version.key, lambda current: replace(current, spec={**current.spec, **members}))
    return {"PipelineArn": record.arn, "PipelineVersionId": request["PipelineVersionId"]}


def _read_definition(scope: Scope, request: Mapping[str, Any]) -> str | None:
    """Return the definition of a request, after checking it; None if the request has none."""
    text: str | None = request.get("PipelineDefinition")
    location = request.get("PipelineDefinitionS3Location")
    if text is not None and location is not None:
        raise ValidationException("Specify one of PipelineDefinition and PipelineDefinitionS3Location, not both")
    if location is not None:
        refuse_members(location, ("VersionId",))
        text = _fetch(scope, S3Uri(location["Bucket"], location["ObjectKey"]))
    if text is None:
        return None
    try:
        definition = parse_definition(text)
    except BadDefinition as error:
        raise ValidationException(str(error)) from error
    for step in definition.steps.values():
        create = CALLING[step.type].kind.operation("Create") if step.type in CALLING else None
        if create and operation("sagemaker", create) is None:
            raise ValidationException(
                f"Step {step.name!r}: the step type {step.type!r} is not supported by harness, which has no {create}."
            )
    return text


def _fetch(scope: Scope, uri: S3Uri) -> str:
    try:
        data = scope.objects.read(uri)
    except (ObjectMissing, BucketMissing) as error:
        raise ValidationException(f"PipelineDefinitionS3Location: {error}") from error
    if len(data) > _LONGEST_DEFINITION:
        raise ValidationException(f"PipelineDefinitionS3Location: {uri} has more than {_LONGEST_DEFINITION} bytes")
    return data.decode(errors="replace")


def _add_version(scope: Scope, record: Record, definition: str, request: Mapping[str, Any]) -> None:
    version = record.inner["version"]
    aliases = request.get("PipelineVersionAliases", [])
    for alias in aliases:
        _take_alias(scope, record, alias)
    key = version_key(record.key, version)
    spec = {"PipelineDefinition": definition, "PipelineVersionAliases": aliases}
    scope.records.add(Record(key, record.arn, spec, inner={"version": version}, created=scope.clock.real()))


def _take_alias(scope: Scope, record: Record, alias: str) -> None:
    """Take an alias from the version that has it: an alias belongs to one version."""
    for version in list(_versions(scope, record)):
        if alias in version.spec.get("PipelineVersionAliases", []):
            kept = [other for other in version.spec["PipelineVersionAliases"] if other != alias]
            spec = {**version.spec, "PipelineVersionAliases": kept}
            scope.records.change(version.key, lambda current, spec=spec: replace(current, spec=spec))  # type: ignore[misc]


def _versions(scope: Scope, record: Record) -> list[Record]:
    versions = (scope.records.find(version_key(record.key, number + 1)) for number in range(record.inner["version"]))
    return [version for version in versions if version is not None]


def find_pipeline(scope: Scope, name_or_arn: str) -> Record:
    name = name_or_arn.rpartition(":pipeline/")[2]
    record = scope.records.find(scope.key(PIPELINE, name))
    if record is None:
        raise ResourceNotFound(f"Pipeline '{scope.arn(PIPELINE, name)}' does not exist.")
    return record


def find_version(scope: Scope, record: Record, request: Mapping[str, Any]) -> Record:
    """Return the version that a request names by id or alias; the latest one if it names none."""
    alias = request.get("PipelineVersionAlias")
    if alias is not None:
        if "PipelineVersionId" in request:
            raise ValidationException("Specify one of PipelineVersionId and PipelineVersionAlias, not both")
        for version in _versions(scope, record):
            if alias in version.spec.get("PipelineVersionAliases", []):
                return version
        raise ResourceNotFound(f"Pipeline '{record.arn}' has no version with the alias {alias!r}.")
    number = request.get("PipelineVersionId", record.inner["version"])
    found = scope.records.find(version_key(record.key, number))
    if found is None:
        raise ResourceNotFound(f"Pipeline '{record.arn}' has no version {number}.")
    return found


def _summary(record: Record) -> dict[str, Any]:
    last_run = record.inner.get("last_run")
    return {
        **record.describe(),
        "PipelineArn": record.arn,
        "CreationTime": record.created,
        "LastModifiedTime": record.modified,
        **({"LastExecutionTime": last_run} if last_run else {}),
    }


def _version_summary(record: Record) -> dict[str, Any]:
    last = record.inner.get("last_execution")
    return {
        "PipelineVersionDisplayName": f"v{record.inner['version']}",
        **record.spec,
        "PipelineArn": record.arn,
        "PipelineVersionId": record.inner["version"],
        "CreationTime": record.created,
        **({"LastExecutionPipelineExecutionArn": last} if last else {}),
    }


_LISTING = Listing(
    answer="PipelineSummaries",
    summary=_summary,
    filters={
        "PipelineNamePrefix": lambda record, prefix: record.name.startswith(prefix),
        "ManagedBy": lambda record, owner: owner == "CUSTOMER",
    },
)
_VERSIONS = Listing(answer="PipelineVersionSummaries", summary=_version_summary)
