"""Actions of lineage: create, describe, update, list, delete."""

from __future__ import annotations

from typing import Any

from harness.services.paging import INCLUSIVE_TIMES, Listing
from harness.services.scope import Scope
from harness.services.tracking import ACTIONS, association_reasons


def create_action(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    return ACTIONS.create(scope, request["ActionName"], request)


def describe_action(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    return ACTIONS.describe(ACTIONS.find(scope, request["ActionName"]))


def update_action(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    return ACTIONS.update(scope, request["ActionName"], request)


def delete_action(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    record = ACTIONS.find(scope, request["ActionName"])
    return ACTIONS.delete(scope, record.name, association_reasons(scope, record.arn))


def list_actions(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    return _LISTING.page(scope.records_of(ACTIONS.kind), request)


_LISTING = Listing(
    answer="ActionSummaries",
    summary=ACTIONS.describe,
    filters={
        **INCLUSIVE_TIMES,
        "SourceUri": lambda record, uri: record.spec["Source"]["SourceUri"] == uri,
        "ActionType": lambda record, kind: record.spec["ActionType"] == kind,
    },
)
