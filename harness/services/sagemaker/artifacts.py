"""Artifacts: create, describe, update, list, delete. An artifact has no name of its own: its source and type are it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from harness.kernel.errors import ValidationException
from harness.kernel.records import Record
from harness.services.paging import INCLUSIVE_TIMES, Listing
from harness.services.scope import Scope
from harness.services.tracking import ARTIFACTS, association_reasons

_SAME = ("Properties", "MetadataProperties")


def create_artifact(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    """Creating the same artifact again answers with the one there is: both SDKs log a file more than once."""
    name = _identity(request)
    existing = scope.records.find(ARTIFACTS.key(scope, name))
    if existing and all(request.get(member, {}) == existing.spec.get(member, {}) for member in _SAME):
        return {"ArtifactArn": existing.arn}
    return ARTIFACTS.create(scope, name, request)


def describe_artifact(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    return ARTIFACTS.describe(ARTIFACTS.find(scope, request["ArtifactArn"]))


def update_artifact(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    return ARTIFACTS.update(scope, request["ArtifactArn"], request)


def delete_artifact(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    record = _named(scope, request)
    return ARTIFACTS.delete(scope, record.name, association_reasons(scope, record.arn))


def list_artifacts(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    return _LISTING.page(scope.records_of(ARTIFACTS.kind), request)


def _identity(request: Mapping[str, Any]) -> str:
    source = request["Source"]
    types = sorted((item["SourceIdType"], item["Value"]) for item in source.get("SourceTypes", []))
    text = json.dumps([source["SourceUri"], types, request["ArtifactType"]])
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _named(scope: Scope, request: Mapping[str, Any]) -> Record:
    if "ArtifactArn" in request:
        return ARTIFACTS.find(scope, request["ArtifactArn"])
    if "Source" not in request:
        raise ValidationException("Either ArtifactArn or Source must be specified.")
    wanted = request["Source"]
    found = [record for record in ARTIFACTS.scan(scope) if record.spec["Source"] == wanted]
    if len(found) > 1:
        arns = ", ".join(record.arn for record in found)
        raise ValidationException(f"Several artifacts have this Source; name one by its ArtifactArn: {arns}")
    if not found:
        raise ARTIFACTS.missing(scope, wanted["SourceUri"])
    return found[0]


_LISTING = Listing(
    answer="ArtifactSummaries",
    summary=ARTIFACTS.describe,
    filters={
        **INCLUSIVE_TIMES,
        "SourceUri": lambda record, uri: record.spec["Source"]["SourceUri"] == uri,
        "ArtifactType": lambda record, kind: record.spec["ArtifactType"] == kind,
    },
)
