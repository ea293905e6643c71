"""Hyperparameter tuning jobs: create, describe, list, stop, delete."""

from __future__ import annotations

from typing import Any

from harness.contract.tuning import definitions_of, resources_of
from harness.engine.lifecycle import is_unfinished, move
from harness.engine.tuning.records import KIND, best_of, counters, summaries
from harness.kernel.errors import ResourceInUse, ResourceNotFound
from harness.kernel.records import Record
from harness.services.paging import Listing, cut_page
from harness.services.sagemaker.jobs import delete_job, describe_job, stop_job
from harness.services.sagemaker.tuning_checks import check_tuning_job
from harness.services.scope import Scope
from harness.stores.records import RecordExists


def create_hyper_parameter_tuning_job(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    check_tuning_job(scope, request)
    name = request["HyperParameterTuningJobName"]
    spec = {**request, **_with_defaults(request)}
    record = Record(key=scope.key(KIND, name), arn=scope.arn(KIND, name), spec=spec, created=scope.clock.real())
    try:
        scope.records.add(move(record, "InProgress"))
    except RecordExists as taken:
        raise ResourceInUse(
            "Hyperparameter tuning job names must be unique within an AWS account and region, and a tuning job with "
            f"this name already exists ({taken.existing.arn})"
        ) from taken
    scope.engine.submit(record.key)
    return {"HyperParameterTuningJobArn": record.arn}


def _with_defaults(request: dict[str, Any]) -> dict[str, Any]:
    """Return the training definitions as Describe shows them; SDK v2's ``HyperparameterTuner.attach`` reads both.

    The service adds the objective to the static hyperparameters. ResourceConfig stands beside
    HyperParameterTuningResourceConfig.
    """
    shown = [
        {**each.request, "StaticHyperParameters": each.static, "ResourceConfig": resources_of(each.request)}
        for each in definitions_of(request)
    ]
    if "TrainingJobDefinition" in request:
        return {"TrainingJobDefinition": shown[0]}
    return {"TrainingJobDefinitions": shown}


def describe_hyper_parameter_tuning_job(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    record = _find(scope, request)
    described = describe_job(record, "HyperParameterTuningJobArn")
    described.pop("Tags", None)
    return {**described, **_current(scope, record)}


def list_hyper_parameter_tuning_jobs(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    def summary(record: Record) -> dict[str, Any]:
        config = record.spec["HyperParameterTuningJobConfig"]
        described = describe_job(record, "HyperParameterTuningJobArn")
        return {
            **described,
            **_current(scope, record),
            "Strategy": config["Strategy"],
            "ResourceLimits": config["ResourceLimits"],
        }

    listing = Listing(
        answer="HyperParameterTuningJobSummaries", summary=summary, status="HyperParameterTuningJobStatus"
    )
    return listing.page(scope.records_of(KIND), request)


def list_training_jobs_for_hyper_parameter_tuning_job(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    record = _find(scope, request)
    status = request.get("StatusEquals")
    trainings = [
        each for each in summaries(scope.records, record) if status is None or each["TrainingJobStatus"] == status
    ]
    sort_by = request.get("SortBy", "Name")
    if sort_by == "FinalObjectiveMetricValue":  # jobs without the metric are left out (API reference)
        trainings = [each for each in trainings if each["ObjectiveStatus"] == "Succeeded"]

    def position(summary: dict[str, Any]) -> list[Any]:
        metric = summary.get("FinalHyperParameterTuningJobObjectiveMetric", {})
        first = {
            "CreationTime": summary["CreationTime"],
            "Status": summary["TrainingJobStatus"],
            "FinalObjectiveMetricValue": metric.get("Value"),
        }.get(sort_by, summary["TrainingJobName"])
        return [first, summary["TrainingJobName"]]

    descending = request.get("SortOrder", "Ascending") == "Descending"
    page, token = cut_page(trainings, request, position, descending, request.get("MaxResults", 10))
    return {"TrainingJobSummaries": page, **({"NextToken": token} if token else {})}


def stop_hyper_parameter_tuning_job(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    return stop_job(scope, _find(scope, request), "hyperparameter tuning job")


def delete_hyper_parameter_tuning_job(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    return delete_job(scope, _find(scope, request), "hyperparameter tuning job")


def _find(scope: Scope, request: dict[str, Any]) -> Record:
    name = request["HyperParameterTuningJobName"]
    record = scope.records.find(scope.key(KIND, name))
    if record is None:
        raise ResourceNotFound(f"Amazon SageMaker can't find a tuning job with the name {name}")
    return record


def _current(scope: Scope, record: Record) -> dict[str, Any]:
    """Return the members that change while the job runs; at its end they are in the record."""
    if not is_unfinished(record):
        return {}
    trainings = summaries(scope.records, record)
    best = best_of(record, trainings)
    return {**counters(trainings), **({"BestTrainingJob": best} if best else {})}
