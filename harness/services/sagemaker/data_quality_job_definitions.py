"""Data quality job definitions: create, describe, list, delete."""

from __future__ import annotations

from typing import Any

from harness.engine.monitoring.schedules import DATA_QUALITY
from harness.kernel.errors import ResourceInUse, ResourceNotFound
from harness.kernel.records import Record
from harness.services.paging import Listing
from harness.services.sagemaker.images import find_processing_image
from harness.services.sagemaker.jobs import refuse_empty_words, require_single_host
from harness.services.sagemaker.monitored_data import check_baseline, check_endpoint_input, check_output
from harness.services.scope import Scope
from harness.stores.records import RecordExists


def create_data_quality_job_definition(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    application = request["DataQualityAppSpecification"]
    find_processing_image(scope, application["ImageUri"], "DataQualityAppSpecification.ImageUri")
    refuse_empty_words(application)
    check_endpoint_input(scope, request["DataQualityJobInput"])
    check_output(request["DataQualityJobOutputConfig"])
    check_baseline(scope, request.get("DataQualityBaselineConfig", {}))
    cluster = request["JobResources"]["ClusterConfig"]
    require_single_host("JobResources.ClusterConfig.InstanceCount", cluster["InstanceCount"])
    name = request["JobDefinitionName"]
    arn = scope.arn(DATA_QUALITY, name)
    try:
        scope.records.add(Record(scope.key(DATA_QUALITY, name), arn, request, created=scope.clock.real()))
    except RecordExists as taken:
        raise ResourceInUse(f"Job definition already exists: {taken.existing.arn}") from taken
    return {"JobDefinitionArn": arn}


def describe_data_quality_job_definition(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    return _describe(_find(scope, request["JobDefinitionName"]))


def list_data_quality_job_definitions(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    return _LISTING.page(scope.records_of(DATA_QUALITY), request)


def delete_data_quality_job_definition(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    scope.records.delete(_find(scope, request["JobDefinitionName"]).key)
    return {}


def _find(scope: Scope, name: str) -> Record:
    record = scope.records.find(scope.key(DATA_QUALITY, name))
    if record is None:
        raise ResourceNotFound(f"Could not find job definition: {scope.arn(DATA_QUALITY, name)}")
    return record


def _describe(record: Record) -> dict[str, Any]:
    return {**record.describe(), "JobDefinitionArn": record.arn, "CreationTime": record.created}


def _summary(record: Record) -> dict[str, Any]:
    return {
        "MonitoringJobDefinitionName": record.name,
        "MonitoringJobDefinitionArn": record.arn,
        "CreationTime": record.created,
        "EndpointName": _endpoint(record),
    }


def _endpoint(record: Record) -> str:
    return str(record.spec["DataQualityJobInput"]["EndpointInput"]["EndpointName"])


_LISTING = Listing(
    answer="JobDefinitionSummaries",
    summary=_summary,
    filters={"EndpointName": lambda record, name: _endpoint(record) == name},
)
