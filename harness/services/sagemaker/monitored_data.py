"""Checks that job definitions and inline monitoring definitions share: input, baseline, output."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.contract.layout import below_root
from harness.kernel.errors import ValidationException
from harness.services.sagemaker.staged_data import s3_uri
from harness.services.scope import Scope


def check_endpoint_input(scope: Scope, given: Mapping[str, Any]) -> None:
    source = given.get("EndpointInput")
    if source is None:
        raise ValidationException("Only EndpointInput is supported by harness; BatchTransformInput is not")
    name = source["EndpointName"]
    endpoint = scope.records.find(scope.key("endpoint", name))
    if endpoint is None:
        raise ValidationException(f'Could not find endpoint "{scope.arn("endpoint", name)}".')
    capture = endpoint.inner["wanted"].get("capture")
    if not capture or not capture.get("EnableCapture", True):
        raise ValidationException(f"Endpoint {name!r} captures no data; update it with a DataCaptureConfig")
    if not below_root(source["LocalPath"]):
        raise ValidationException(f"EndpointInput.LocalPath {source['LocalPath']!r} must lie below /opt/ml/processing")


def check_output(config: Mapping[str, Any]) -> None:
    for output in config["MonitoringOutputs"]:
        target = output["S3Output"]
        s3_uri(target["S3Uri"])
        if not below_root(target["LocalPath"]):
            raise ValidationException(f"S3Output.LocalPath {target['LocalPath']!r} must lie below /opt/ml/processing")


def check_baseline(scope: Scope, baseline: Mapping[str, Any]) -> None:
    for member in ("ConstraintsResource", "StatisticsResource"):
        if baseline.get(member, {}).get("S3Uri"):
            s3_uri(baseline[member]["S3Uri"])
    job = baseline.get("BaseliningJobName")
    if job and scope.records.find(scope.key("processing-job", job)) is None:
        raise ValidationException(f"Could not find requested job with name: {job}")
