"""Trial components: create, describe, update, list, delete, associate with trials and disassociate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from harness.engine.tracking.component_metrics import delete_points
from harness.kernel.errors import ResourceNotFound, ValidationException
from harness.kernel.records import Record
from harness.services.paging import Listing
from harness.services.scope import Scope
from harness.services.tracking import COMPONENTS, EXPERIMENTS, TRIALS, describe_with_display_name, drop_associations

_SCOPES = ("ExperimentName", "TrialName", "SourceArn")


def create_trial_component(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    return COMPONENTS.create(scope, request["TrialComponentName"], request)


def describe_trial_component(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    return _describe(COMPONENTS.find(scope, request["TrialComponentName"]))


def update_trial_component(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    return COMPONENTS.update(scope, request["TrialComponentName"], request)


def delete_trial_component(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    record = COMPONENTS.find(scope, request["TrialComponentName"])
    reasons = (f"it must be disassociated from trial {trial!r} first." for trial in record.inner.get("trials", []))
    answer = COMPONENTS.delete(scope, record.name, reasons)
    delete_points(scope.records, record)
    drop_associations(scope, record.arn)
    return answer


def list_trial_components(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    present = [name for name in _SCOPES if name in request]
    if len(present) > 1:
        raise ValidationException(f"Only one of {', '.join(_SCOPES)} is allowed, not {' and '.join(present)}.")
    rest = {name: value for name, value in request.items() if name not in _SCOPES}
    return _LISTING.page(scope.records_of(COMPONENTS.kind), rest, _membership_test(scope, request))


def associate_trial_component(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    trial = TRIALS.find(scope, request["TrialName"])

    def change(record: Record) -> Record:
        trials = record.inner.get("trials", [])
        if trial.name in trials:
            return record
        return replace(record, inner={**record.inner, "trials": [*trials, trial.name]})

    component = COMPONENTS.change(scope, request["TrialComponentName"], change)
    return {"TrialComponentArn": component.arn, "TrialArn": trial.arn}


def disassociate_trial_component(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    trial = TRIALS.key(scope, request["TrialName"])
    trial_arn = scope.arn(TRIALS.kind, trial.name)

    def change(record: Record) -> Record:
        trials = record.inner.get("trials", [])
        if trial.name not in trials:
            raise ResourceNotFound(f"Trial component '{record.arn}' is not associated with trial '{trial_arn}'.")
        return replace(record, inner={**record.inner, "trials": [name for name in trials if name != trial.name]})

    component = COMPONENTS.change(scope, request["TrialComponentName"], change)
    return {"TrialComponentArn": component.arn, "TrialArn": trial_arn}


def _membership_test(scope: Scope, request: dict[str, Any]) -> Callable[[Record], bool] | None:
    if "SourceArn" in request:  # the SDKs send the ARN in lower case or in its own case
        source_arn = request["SourceArn"].lower()
        return lambda item: item.status.get("Source", {}).get("SourceArn", "").lower() == source_arn
    if "TrialName" in request:
        trial = TRIALS.find(scope, request["TrialName"]).name
        return lambda item: trial in item.inner.get("trials", [])
    if "ExperimentName" in request:
        experiment = EXPERIMENTS.find(scope, request["ExperimentName"]).name
        trials = {trial.name for trial in TRIALS.scan(scope) if trial.spec["ExperimentName"].lower() == experiment}
        return lambda item: not trials.isdisjoint(item.inner.get("trials", []))
    return None


def _describe(record: Record) -> dict[str, Any]:
    """Describe a trial component. As SageMaker does, show empty maps and lists."""
    empty: dict[str, Any] = {"Parameters": {}, "InputArtifacts": {}, "OutputArtifacts": {}, "Metrics": []}
    return {**empty, **describe_with_display_name(COMPONENTS, record)}


def _summary(record: Record) -> dict[str, Any]:
    described = _describe(record)
    return {**described, **({"TrialComponentSource": described["Source"]} if "Source" in described else {})}


_LISTING = Listing(answer="TrialComponentSummaries", summary=_summary)
