"""Contexts of lineage: create, describe, update, list, delete."""

from __future__ import annotations

from typing import Any

from harness.services.paging import INCLUSIVE_TIMES, Listing
from harness.services.scope import Scope
from harness.services.tracking import CONTEXTS, association_reasons


def create_context(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    return CONTEXTS.create(scope, request["ContextName"], request)


def describe_context(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    return CONTEXTS.describe(CONTEXTS.find(scope, request["ContextName"]))


def update_context(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    return CONTEXTS.update(scope, request["ContextName"], request)


def delete_context(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    record = CONTEXTS.find(scope, request["ContextName"])
    return CONTEXTS.delete(scope, record.name, association_reasons(scope, record.arn))


def list_contexts(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    return _LISTING.page(scope.records_of(CONTEXTS.kind), request)


_LISTING = Listing(
    answer="ContextSummaries",
    summary=CONTEXTS.describe,
    filters={
        **INCLUSIVE_TIMES,
        "SourceUri": lambda record, uri: record.spec["Source"]["SourceUri"] == uri,
        "ContextType": lambda record, kind: record.spec["ContextType"] == kind,
    },
)
