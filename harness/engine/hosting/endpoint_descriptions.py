"""The members of DescribeEndpoint about variants, in service and during a change. Pure functions.

The inner member ``wanted`` is the configuration to reach, ``active`` the last one in service; both are written by
``services.sagemaker.endpoints``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.kernel.records import Record


def described_variant(item: Mapping[str, Any]) -> dict[str, Any]:
    weight, count = _size(item)
    return {
        "VariantName": item["VariantName"],
        "DeployedImages": [item["DeployedImage"]] if "DeployedImage" in item else [],
        "CurrentWeight": weight,
        "DesiredWeight": weight,
        "CurrentInstanceCount": count,
        "DesiredInstanceCount": count,
    }


def described_capture(config: Mapping[str, Any] | None) -> dict[str, Any]:
    if not config:
        return {}
    enabled = config.get("EnableCapture", True)
    summary = {
        "EnableCapture": enabled,
        "CaptureStatus": "Started" if enabled else "Stopped",
        "CurrentSamplingPercentage": config["InitialSamplingPercentage"],
        "DestinationS3Uri": config["DestinationS3Uri"],
        "KmsKeyId": config.get("KmsKeyId", ""),
    }
    return {"DataCaptureConfig": summary}


def under_way(record: Record) -> dict[str, Any]:
    """The members that differ while the endpoint is being created, updated or deleted."""
    status = record.state
    target, active = record.inner["wanted"], record.inner.get("active")
    since = target.get("since", record.modified)
    if status == "Deleting" and active is not None:
        stage = {"Status": "Deleting", "StartTime": record.modified}
        variants = [{**described_variant(item), "VariantStatus": [stage]} for item in active["variants"]]
        return {"ProductionVariants": variants}
    if status not in ("Creating", "Updating"):
        return {}
    if active is not None and active["generation"] == target["generation"]:
        return {"ProductionVariants": _resizing(active, target, since)}
    pending = [_starting(item, since) for item in target["variants"]]
    summary = {"EndpointConfigName": target["config"], "ProductionVariants": pending, "StartTime": since}
    return {"PendingDeploymentSummary": summary}


def _size(item: Mapping[str, Any]) -> tuple[float, int]:
    return item.get("InitialVariantWeight", 1.0), item.get("InitialInstanceCount", 1)


def _starting(item: Mapping[str, Any], since: float) -> dict[str, Any]:
    """A variant of the new set of servers, none of which takes traffic yet."""
    stage = {"Status": "Creating", "StartTime": since}
    return {**described_variant(item), "CurrentWeight": 0.0, "CurrentInstanceCount": 0, "VariantStatus": [stage]}


def _resizing(active: Mapping[str, Any], target: Mapping[str, Any], since: float) -> list[dict[str, Any]]:
    """The same servers with other weights or counts."""
    desired = {item["VariantName"]: _size(item) for item in target["variants"]}
    variants = []
    for item in active["variants"]:
        described = described_variant(item)
        described["DesiredWeight"], described["DesiredInstanceCount"] = desired[item["VariantName"]]
        variants.append({**described, "VariantStatus": [{"Status": "Updating", "StartTime": since}]})
    return variants
