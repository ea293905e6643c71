"""Checks the input, baseline and output of monitoring job definitions, inline ones included."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.contract.layout import below_root
from harness.contract.schedules import BadSchedule, seconds_of
from harness.kernel.errors import ValidationException
from harness.services.sagemaker.jobs import refuse_members
from harness.services.sagemaker.staged_data import s3_uri
from harness.services.scope import Scope

_MEMBERS_OF_OTHER_MONITORS = (
    "FeaturesAttribute",
    "InferenceAttribute",
    "ProbabilityAttribute",
    "ProbabilityThresholdAttribute",
    "ExcludeFeaturesAttribute",
)


def check_endpoint_input(scope: Scope, job_input: Mapping[str, Any]) -> None:
    source = job_input.get("EndpointInput")
    if source is None:
        raise ValidationException("BatchTransformInput is not supported by harness; use EndpointInput")
    name = source["EndpointName"]
    endpoint = scope.records.find(scope.key("endpoint", name))
    if endpoint is None:
        raise ValidationException(f'Could not find endpoint "{scope.arn("endpoint", name)}".')
    capture = endpoint.inner["wanted"].get("capture")
    if not capture or not capture.get("EnableCapture", True):
        raise ValidationException(f"Endpoint {name!r} captures no data; update it with a DataCaptureConfig")
    refuse_members(source, _MEMBERS_OF_OTHER_MONITORS)
    if source.get("S3InputMode", "File") != "File":
        raise ValidationException("EndpointInput.S3InputMode Pipe is not supported by harness; use File")
    _check_path("EndpointInput.LocalPath", source["LocalPath"])
    for member in ("StartTimeOffset", "EndTimeOffset"):
        if source.get(member):
            _check_offset(f"EndpointInput.{member}", source[member])


def check_output(config: Mapping[str, Any]) -> None:
    for output in config["MonitoringOutputs"]:
        target = output["S3Output"]
        s3_uri(target["S3Uri"])
        _check_path("S3Output.LocalPath", target["LocalPath"])


def _check_offset(member: str, offset: str) -> None:
    try:
        seconds_of(offset)
    except BadSchedule as error:
        raise ValidationException(f"{member}: {error}") from error


def _check_path(member: str, path: str) -> None:
    if not (below_root(path) or "").startswith("processing/"):
        raise ValidationException(f"{member} {path!r} must lie below /opt/ml/processing")


def check_baseline(scope: Scope, baseline: Mapping[str, Any]) -> None:
    for member in ("ConstraintsResource", "StatisticsResource"):
        if baseline.get(member, {}).get("S3Uri"):
            s3_uri(baseline[member]["S3Uri"])
    job = baseline.get("BaseliningJobName")
    if job and scope.records.find(scope.key("processing-job", job)) is None:
        raise ValidationException(f"Could not find requested job with name: {job}")
