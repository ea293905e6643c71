"""Associations between lineage entities: add, delete, list.

An association is identified by the ARNs of its two ends.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from harness.kernel.arns import parse_arn
from harness.kernel.errors import ResourceNotFound, ValidationException
from harness.kernel.records import Key, Record
from harness.services.paging import INCLUSIVE_TIMES, Listing
from harness.services.scope import Scope
from harness.services.tracking import ALL, ASSOCIATION
from harness.stores.records import RecordExists, RecordMissing

_EXPERIMENT_KINDS = frozenset({"experiment", "experiment-trial", "experiment-trial-component"})
_TYPE_MEMBERS = {"artifact": "ArtifactType", "action": "ActionType", "context": "ContextType"}


def add_association(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    source, destination = (_entity(scope, request[member]) for member in ("SourceArn", "DestinationArn"))
    if source.kind in _EXPERIMENT_KINDS and destination.kind in _EXPERIMENT_KINDS:
        raise ValidationException("Associations cannot be created between two experiment entities.")
    ends = {"SourceArn": source.arn, "DestinationArn": destination.arn}
    now = scope.clock.real()
    key = _key(scope, request)
    try:
        scope.records.add(Record(key, f"{source.arn}>{destination.arn}", dict(request), created=now, modified=now))
    except RecordExists as taken:
        raise ValidationException(
            f"Associations must be unique within an AWS account and region. Association from '{source.arn}' to "
            f"'{destination.arn}' already exists."
        ) from taken
    return ends


def delete_association(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    try:
        scope.records.delete(_key(scope, request))
    except RecordMissing as error:
        raise ResourceNotFound(
            f"Association from '{request['SourceArn']}' to '{request['DestinationArn']}' does not exist."
        ) from error
    return {"SourceArn": request["SourceArn"], "DestinationArn": request["DestinationArn"]}


def list_associations(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    ends: dict[str, Record | None] = {}  # associations of a page often share their entities

    def end(arn: str) -> Record | None:
        if arn not in ends:
            ends[arn] = find_entity(scope, arn)
        return ends[arn]

    return _listing(end).page(scope.records_of(ASSOCIATION), request)


def _key(scope: Scope, request: dict[str, Any]) -> Key:
    return scope.key(ASSOCIATION, f"{request['SourceArn'].lower()}>{request['DestinationArn'].lower()}")


def find_entity(scope: Scope, arn: str) -> Record | None:
    kind, account, region, name = parse_arn(arn)
    return scope.records.find(Key(kind, account, region, name.lower()))


def _entity(scope: Scope, arn: str) -> Record:
    record = find_entity(scope, arn)
    if record is None:
        raise ResourceNotFound(f"{ALL[parse_arn(arn)[0]].noun} '{arn}' does not exist.")
    return record


def type_of(entity: Record | None) -> str:
    """Return the type of an artifact, action or context, or the type of a trial component's source."""
    if entity is None:
        return ""
    if entity.kind in _TYPE_MEMBERS:
        return str(entity.spec.get(_TYPE_MEMBERS[entity.kind], ""))
    return str(entity.status.get("Source", {}).get("SourceType", ALL[entity.kind].noun))


def _listing(end: Callable[[str], Record | None]) -> Listing:
    def summary(record: Record) -> dict[str, Any]:
        answer = {**record.spec, "CreationTime": record.created, "CreatedBy": {}}
        for side in ("Source", "Destination"):
            entity = end(record.spec[f"{side}Arn"])
            answer[f"{side}Type"] = type_of(entity)
            name = entity.spec.get(ALL[entity.kind].name_member) if entity else None
            answer.update({f"{side}Name": name} if name else {})
        return answer

    return Listing(
        answer="AssociationSummaries",
        summary=summary,
        filters={
            **INCLUSIVE_TIMES,
            "SourceArn": lambda record, arn: record.spec["SourceArn"].lower() == arn.lower(),
            "DestinationArn": lambda record, arn: record.spec["DestinationArn"].lower() == arn.lower(),
            "SourceType": lambda record, kind: type_of(end(record.spec["SourceArn"])) == kind,
            "DestinationType": lambda record, kind: type_of(end(record.spec["DestinationArn"])) == kind,
            "AssociationType": lambda record, kind: record.spec.get("AssociationType") == kind,
        },
        sorts={
            "SourceArn": lambda record: record.spec["SourceArn"],
            "DestinationArn": lambda record: record.spec["DestinationArn"],
            "SourceType": lambda record: type_of(end(record.spec["SourceArn"])),
            "DestinationType": lambda record: type_of(end(record.spec["DestinationArn"])),
        },
    )
