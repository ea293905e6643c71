"""Processing jobs: create, describe, list, stop, delete."""

from __future__ import annotations

import itertools
from pathlib import PurePosixPath
from typing import Any

from harness.contract.layout import below_root
from harness.contract.processing import DEFAULT_MAX_RUNTIME
from harness.engine.lifecycle import move
from harness.engine.tracking.experiments import job_component
from harness.kernel.errors import ValidationException
from harness.kernel.records import Record
from harness.services.paging import Listing
from harness.services.sagemaker.experiment_configs import check_experiment_config
from harness.services.sagemaker.image_limits import check_analysis_limits
from harness.services.sagemaker.images import find_processing_image
from harness.services.sagemaker.jobs import (
    add_job,
    delete_job,
    describe_job,
    find_job,
    refuse_duplicates,
    refuse_empty_words,
    require_instances,
    stop_job,
)
from harness.services.sagemaker.staged_data import require_objects, s3_uri
from harness.services.scope import Scope

KIND = "processing-job"


def create_processing_job(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    _check(scope, request)
    now = scope.clock.real()
    record = Record(
        key=scope.key(KIND, request["ProcessingJobName"]),
        arn=scope.arn(KIND, request["ProcessingJobName"]),
        spec=request,
        status={
            "StoppingCondition": {"MaxRuntimeInSeconds": DEFAULT_MAX_RUNTIME, **request.get("StoppingCondition", {})}
        },
        created=now,
    )
    add_job(scope, move(record, "InProgress"))
    replaces_earlier_job = job_component(scope.records, scope.clock, record)
    scope.engine.submit(record.key, replaces_earlier_job)
    return {"ProcessingJobArn": record.arn}


def describe_processing_job(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    return _describe(_find(scope, request))


def list_processing_jobs(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    return _LISTING.page(scope.records_of(KIND), request)


def stop_processing_job(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    name = request["ProcessingJobName"]
    record = find_job(scope, KIND, name, f"Could not find job to update with name {name}")
    return stop_job(scope, record, "processing job")


def delete_processing_job(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    return delete_job(scope, _find(scope, request), "processing job")


def _find(scope: Scope, request: dict[str, Any]) -> Record:
    name = request["ProcessingJobName"]
    return find_job(scope, KIND, name, f"Could not find requested job with name: {name}")


def _describe(record: Record) -> dict[str, Any]:
    return describe_job(record, "ProcessingJobArn")


_LISTING = Listing(answer="ProcessingJobSummaries", summary=_describe, status="ProcessingJobStatus")


def _check(scope: Scope, request: dict[str, Any]) -> None:
    image = find_processing_image(scope, request["AppSpecification"]["ImageUri"], "AppSpecification.ImageUri")
    check_analysis_limits(image, request)
    refuse_empty_words(request["AppSpecification"])
    require_instances(scope, "ProcessingResources.ClusterConfig", request["ProcessingResources"]["ClusterConfig"])
    inputs, outputs = request.get("ProcessingInputs", []), request.get("ProcessingOutputConfig", {}).get("Outputs", [])
    refuse_duplicates("ProcessingInputs", [item["InputName"] for item in inputs])
    refuse_duplicates("ProcessingOutputConfig.Outputs", [item["OutputName"] for item in outputs])
    _refuse_overlaps([_input_path(scope, request, item) for item in inputs], [_output_path(item) for item in outputs])
    check_experiment_config(scope, request.get("ExperimentConfig"))


def _input_path(scope: Scope, request: dict[str, Any], item: dict[str, Any]) -> str:
    name = item["InputName"]
    source = item.get("S3Input")
    if source is None or item.get("DatasetDefinition"):
        raise ValidationException(f"ProcessingInput {name!r}: only S3Input is supported by harness")
    if source.get("S3InputMode", "File") != "File":
        raise ValidationException(f"ProcessingInput {name!r}: S3InputMode Pipe is not supported by harness; use File")
    if item.get("AppManaged"):
        return ""
    if not (source.get("LocalPath") and "S3InputMode" in source):
        # The API model has both as optional; the service's message is recorded in aws/sagemaker-python-sdk#2578.
        raise ValidationException(
            f"Input {name} missing one or more required fields for SageMaker-managed S3Input: "
            '"LocalPath", "S3DownloadMode", "S3InputMode"'
        )
    require_objects(scope, source["S3Uri"], request["RoleArn"])
    return _path(f"ProcessingInput {name!r}", source.get("LocalPath"))


def _output_path(item: dict[str, Any]) -> str:
    name = item["OutputName"]
    target = item.get("S3Output")
    if target is None or item.get("FeatureStoreOutput"):
        raise ValidationException(f"ProcessingOutput {name!r}: only S3Output is supported by harness")
    s3_uri(target["S3Uri"])
    if item.get("AppManaged"):
        return ""
    return _path(f"ProcessingOutput {name!r}", target.get("LocalPath"))


def _path(what: str, path: str | None) -> str:
    if not path or not (below_root(path) or "").startswith("processing/"):
        raise ValidationException(f"{what}: LocalPath {path!r} must be an absolute path below /opt/ml/processing")
    return path


def _refuse_overlaps(inputs: list[str], outputs: list[str]) -> None:
    """Refuse outputs in other paths.

    Inputs may be nested: the developer guide's own example has code below the data.
    """
    paths = [(PurePosixPath(path), path in outputs) for path in (*inputs, *outputs) if path]
    for (first, one), (second, other) in itertools.permutations(paths, 2):
        if first == second or ((one or other) and second.is_relative_to(first)):
            raise ValidationException(
                f"LocalPath {str(second)!r} is the same as, or below, {str(first)!r}; use separate folders"
            )
