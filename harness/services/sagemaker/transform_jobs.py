"""Transform jobs: create, describe, list, stop."""

from __future__ import annotations

from typing import Any

from harness.contract.data_processing import FORMATS, JSON, BadData, DataProcessing, media_type
from harness.engine.experiments import job_component
from harness.engine.lifecycle import move
from harness.kernel.errors import ValidationException
from harness.kernel.records import Record
from harness.services.paging import Listing
from harness.services.sagemaker.experiment_configs import check_experiment_config
from harness.services.sagemaker.jobs import (
    add_job,
    described_job,
    find_job,
    refuse_members,
    require_single_host,
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
    again = job_component(scope.records, scope.clock, record)
    scope.engine.submit(record.key, again)
    return {"TransformJobArn": record.arn}


def describe_transform_job(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    return _described(_find(scope, request))


def list_transform_jobs(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    return _LISTING.page(scope.records_of(KIND), request)


def stop_transform_job(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    return stop_job(scope, _find(scope, request), "transform job")


def _find(scope: Scope, request: dict[str, Any]) -> Record:
    name = request["TransformJobName"]
    return find_job(scope, KIND, name, f"Could not find job to update with name {name}")


def _described(record: Record) -> dict[str, Any]:
    return described_job(record, "TransformJobArn")


_LISTING = Listing(answer="TransformJobSummaries", summary=_described, status="TransformJobStatus")


def _check(scope: Scope, request: dict[str, Any]) -> None:
    model = find_model(scope, request["ModelName"])
    refuse_members(request, ("DataCaptureConfig",))
    require_single_host("TransformResources.InstanceCount", request["TransformResources"]["InstanceCount"])
    given = request["TransformInput"]
    source = given["DataSource"]["S3DataSource"]
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
    if "DataProcessing" not in request:
        return
    try:
        processing = DataProcessing.of(request["DataProcessing"])
    except BadData as error:
        raise ValidationException(f"DataProcessing: {error}") from error
    if not (processing.changes_input or processing.changes_output):
        return
    given, wanted = request["TransformInput"], request["TransformOutput"]
    sent = media_type(given.get("ContentType") or wanted.get("Accept") or "")
    answered = media_type(wanted.get("Accept") or given.get("ContentType") or "")
    if not {sent, answered} <= set(FORMATS) or (processing.join and sent != answered):
        what = "the same " if processing.join else ""
        raise ValidationException(
            f"DataProcessing needs {what}TransformInput.ContentType and TransformOutput.Accept, "
            f"{'one' if processing.join else 'each'} of {', '.join(FORMATS)}; "
            f"got {given.get('ContentType')!r} and {wanted.get('Accept')!r}"
        )
    _require(sent, "SplitType", given.get("SplitType", "None"))
    if processing.changes_output or sent == answered:
        _require(answered, "AssembleWith", wanted.get("AssembleWith", "None"))


def _require(kind: str, member: str, value: str) -> None:
    """Rows and JSON Lines are processed line by line, a JSON document as a whole."""
    needed = "None" if kind == JSON else "Line"
    if value != needed:
        raise ValidationException(f"DataProcessing of {kind} needs {member} {needed}, not {value}")
