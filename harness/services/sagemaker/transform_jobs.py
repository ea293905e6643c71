"""Transform jobs: create, describe, list, stop."""

from __future__ import annotations

from typing import Any

from harness.contract.data_processing import BadData, DataProcessing
from harness.contract.serving import container_of
from harness.engine.lifecycle import move
from harness.engine.tracking.experiments import job_component
from harness.kernel.errors import ValidationException
from harness.kernel.records import Record
from harness.services.paging import Listing
from harness.services.sagemaker.experiment_configs import check_experiment_config
from harness.services.sagemaker.image_limits import check_hosting_limits
from harness.services.sagemaker.images import find_model_image
from harness.services.sagemaker.jobs import (
    add_job,
    describe_job,
    find_job,
    refuse_members,
    refuse_too_many_instances,
    stop_job,
)
from harness.services.sagemaker.models import find_model
from harness.services.sagemaker.staged_data import require_objects, s3_uri
from harness.services.scope import Scope

KIND = "transform-job"


def create_transform_job(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    _check(scope, request)
    record = Record(
        key=scope.key(KIND, request["TransformJobName"]),
        arn=scope.arn(KIND, request["TransformJobName"]),
        spec=request,
        status={
            "TransformInput": {"CompressionType": "None", "SplitType": "None", **request["TransformInput"]},
            "TransformOutput": {"AssembleWith": "None", "KmsKeyId": "", **request["TransformOutput"]},
            "DataProcessing": {
                "InputFilter": "$", "OutputFilter": "$", "JoinSource": "None", **request.get("DataProcessing", {})
            },
        },
        created=scope.clock.real(),
    )  # fmt: skip
    add_job(scope, move(record, "InProgress"))
    replaces_earlier_job = job_component(scope.records, scope.clock, record)
    scope.engine.submit(record.key, replaces_earlier_job)
    return {"TransformJobArn": record.arn}


def describe_transform_job(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    return _describe(_find(scope, request))


def list_transform_jobs(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    return _LISTING.page(scope.records_of(KIND), request)


def stop_transform_job(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    return stop_job(scope, _find(scope, request), "transform job")


def _find(scope: Scope, request: dict[str, Any]) -> Record:
    name = request["TransformJobName"]
    return find_job(scope, KIND, name, f"Could not find job to update with name {name}")


def _describe(record: Record) -> dict[str, Any]:
    return describe_job(record, "TransformJobArn")


_LISTING = Listing(answer="TransformJobSummaries", summary=_describe, status="TransformJobStatus")


def _check(scope: Scope, request: dict[str, Any]) -> None:
    model = find_model(scope, request["ModelName"])
    refuse_members(request, ("DataCaptureConfig",))
    image = find_model_image(scope, container_of(model)["Image"], "Image")
    check_hosting_limits(image, "Environment", request.get("Environment", {}))
    refuse_too_many_instances("TransformResources.InstanceCount", request["TransformResources"]["InstanceCount"])
    source = request["TransformInput"]["DataSource"]["S3DataSource"]
    if source["S3DataType"] not in ("S3Prefix", "ManifestFile"):
        raise ValidationException(f"S3DataType {source['S3DataType']} is not supported for transform jobs")
    require_objects(scope, source["S3Uri"], model.spec.get("ExecutionRoleArn", ""))
    s3_uri(request["TransformOutput"]["S3OutputPath"])
    payload = request.get("MaxPayloadInMB", 6)
    if payload * request.get("MaxConcurrentTransforms", 1) > 100:
        raise ValidationException("MaxConcurrentTransforms * MaxPayloadInMB must not exceed 100 MB")
    _check_data_processing(request)
    check_experiment_config(scope, request.get("ExperimentConfig"))


def _check_data_processing(request: dict[str, Any]) -> None:
    """Refuse invalid filters. Whether they fit the data's format is checked when the job runs, as on AWS."""
    try:
        DataProcessing.of(request.get("DataProcessing", {}))
    except BadData as error:
        raise ValidationException(f"DataProcessing: {error}") from error
