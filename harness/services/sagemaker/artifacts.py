"""Artifacts: create, describe, update, list, delete.

An artifact is identified by its source and type, not by a name.
"""

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

_COMPARED = ("Properties", "MetadataProperties")


def create_artifact(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    """Create an artifact, or return the existing one with the same content: both SDKs log a file more than once."""
    name = _identity(request)
    existing = scope.records.find(ARTIFACTS.key(scope, name))
    if existing and all(request.get(member, {}) == existing.spec.get(member, {}) for member in _COMPARED):
        return {"ArtifactArn": existing.arn}
    return ARTIFACTS.create(scope, name, request)


def describe_artifact(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    return ARTIFACTS.describe(ARTIFACTS.find(scope, request["ArtifactArn"]))


def update_artifact(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    return ARTIFACTS.update(scope, request["ArtifactArn"], request)


def delete_artifact(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    record = _find_by_arn_or_source(scope, request)
    return ARTIFACTS.delete(scope, record.name, association_reasons(scope, record.arn))


def list_artifacts(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    return _LISTING.page(scope.records_of(ARTIFACTS.kind), request)


def _identity(request: Mapping[str, Any]) -> str:
    source = request["Source"]
    types = sorted((item["SourceIdType"], item["Value"]) for item in source.get("SourceTypes", []))
    text = json.dumps([source["SourceUri"], types, request["ArtifactType"]])
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _find_by_arn_or_source(scope: Scope, request: Mapping[str, Any]) -> Record:
    if "ArtifactArn" in request:
        return ARTIFACTS.find(scope, request["ArtifactArn"])
    if "Source" not in request:
        raise ValidationException("Either ArtifactArn or Source must be specified.")
    source = request["Source"]
    matches = [record for record in ARTIFACTS.scan(scope) if record.spec["Source"] == source]
    if len(matches) > 1:
        arns = ", ".join(record.arn for record in matches)
        raise ValidationException(f"Several artifacts have this Source; name one by its ArtifactArn: {arns}")
    if not matches:
        raise ARTIFACTS.missing(scope, source["SourceUri"])
    return matches[0]


_LISTING = Listing(
    answer="ArtifactSummaries",
    summary=ARTIFACTS.describe,
    filters={
        **INCLUSIVE_TIMES,
        "SourceUri": lambda record, uri: record.spec["Source"]["SourceUri"] == uri,
        "ArtifactType": lambda record, kind: record.spec["ArtifactType"] == kind,
    },
)
