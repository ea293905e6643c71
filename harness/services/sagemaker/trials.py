"""Trials: create, describe, update, list, delete. The records of trial components hold which trials they belong to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from harness.kernel.records import Record
from harness.services.paging import Listing
from harness.services.scope import Scope
from harness.services.tracking import COMPONENTS, EXPERIMENTS, TRIALS, describe_with_display_name


def create_trial(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    experiment = EXPERIMENTS.find(scope, request["ExperimentName"])
    return TRIALS.create(scope, request["TrialName"], {**request, "ExperimentName": experiment.spec["ExperimentName"]})


def describe_trial(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    return describe_with_display_name(TRIALS, TRIALS.find(scope, request["TrialName"]))


def update_trial(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    return TRIALS.update(scope, request["TrialName"], request)


def delete_trial(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    key = TRIALS.key(scope, request["TrialName"])
    members = (component for component in COMPONENTS.scan(scope) if key.name in component.inner.get("trials", []))
    reasons = (
        f"its trial components must be disassociated first, one is {member.spec['TrialComponentName']!r}."
        for member in members
    )
    return TRIALS.delete(scope, request["TrialName"], reasons)


def list_trials(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    rest = {name: value for name, value in request.items() if name not in ("ExperimentName", "TrialComponentName")}
    return _LISTING.page(scope.records_of(TRIALS.kind), rest, _membership_test(scope, request))


def _membership_test(scope: Scope, request: dict[str, Any]) -> Callable[[Record], bool]:
    """Return a test for the trials of the request's experiment that its trial component is associated with."""
    experiment = trials = None
    if "ExperimentName" in request:
        experiment = EXPERIMENTS.find(scope, request["ExperimentName"]).name
    if "TrialComponentName" in request:
        trials = set(COMPONENTS.find(scope, request["TrialComponentName"]).inner.get("trials", []))

    def fits(trial: Record) -> bool:
        of_experiment = experiment is None or trial.spec["ExperimentName"].lower() == experiment
        return of_experiment and (trials is None or trial.name in trials)

    return fits


def _summary(record: Record) -> dict[str, Any]:
    described = describe_with_display_name(TRIALS, record)
    return {**described, **({"TrialSource": described["Source"]} if "Source" in described else {})}


_LISTING = Listing(answer="TrialSummaries", summary=_summary)
