"""Experiments: create, describe, update, list, delete."""

from __future__ import annotations

from typing import Any

from harness.kernel.records import Record
from harness.services.paging import Listing
from harness.services.scope import Scope
from harness.services.tracking import EXPERIMENTS, TRIALS, describe_with_display_name, drop_associations


def create_experiment(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    return EXPERIMENTS.create(scope, request["ExperimentName"], request)


def describe_experiment(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    return describe_with_display_name(EXPERIMENTS, EXPERIMENTS.find(scope, request["ExperimentName"]))


def update_experiment(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    return EXPERIMENTS.update(scope, request["ExperimentName"], request)


def delete_experiment(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    key = EXPERIMENTS.key(scope, request["ExperimentName"])
    trials = (trial for trial in TRIALS.scan(scope) if trial.spec["ExperimentName"].lower() == key.name)
    reasons = (f"its trials must be deleted first, one is {trial.spec['TrialName']!r}." for trial in trials)
    answer = EXPERIMENTS.delete(scope, request["ExperimentName"], reasons)
    drop_associations(scope, answer["ExperimentArn"])
    return answer


def list_experiments(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    return _LISTING.page(scope.records_of(EXPERIMENTS.kind), request)


def _summary(record: Record) -> dict[str, Any]:
    described = describe_with_display_name(EXPERIMENTS, record)
    source = {"ExperimentSource": described["Source"]} if "Source" in described else {}
    return {**described, **source}


_LISTING = Listing(answer="ExperimentSummaries", summary=_summary)
