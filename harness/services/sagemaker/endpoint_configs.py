"""Endpoint configurations: create, describe, list, delete. They cannot be changed."""

from __future__ import annotations

from typing import Any

from harness.kernel.errors import ValidationException
from harness.kernel.records import Record
from harness.services.paging import INCLUSIVE_TIMES, Listing
from harness.services.sagemaker.jobs import refuse_members
from harness.services.sagemaker.models import find_model
from harness.services.sagemaker.staged_data import s3_uri
from harness.services.scope import Scope
from harness.stores.records import RecordExists

KIND = "endpoint-config"

_UNSUPPORTED = (
    "AsyncInferenceConfig",
    "ExplainerConfig",
    "ShadowProductionVariants",
    "MetricsConfig",
    "EnableNetworkIsolation",
    "CrossRegionTrafficConfig",
)
_UNSUPPORTED_OF_VARIANT = (
    "ServerlessConfig",
    "ManagedInstanceScaling",
    "InstancePools",
    "CapacityReservationConfig",
    "CoreDumpConfig",
    "AcceleratorType",
    "AcceleratorPartitionLayouts",
    "EnableSSMAccess",
)


def create_endpoint_config(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    _check(scope, request)
    record = Record(
        key=scope.key(KIND, request["EndpointConfigName"]),
        arn=scope.arn(KIND, request["EndpointConfigName"]),
        spec={**request, "ProductionVariants": [_variant(item) for item in request["ProductionVariants"]]},
        created=scope.clock.real(),
    )
    try:
        scope.records.add(record)
    except RecordExists as taken:
        arn = taken.existing.arn
        raise ValidationException(f'Cannot create already existing endpoint configuration "{arn}".') from taken
    return {"EndpointConfigArn": record.arn}


def describe_endpoint_config(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    return _describe(find_endpoint_config(scope, request["EndpointConfigName"]))


def list_endpoint_configs(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    return _LISTING.page(scope.records_of(KIND), request)


def delete_endpoint_config(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    scope.records.delete(find_endpoint_config(scope, request["EndpointConfigName"]).key)
    return {}


def find_endpoint_config(scope: Scope, name: str) -> Record:
    record = scope.records.find(scope.key(KIND, name))
    if record is None:
        raise ValidationException(f'Could not find endpoint configuration "{scope.arn(KIND, name)}".')
    return record


def _describe(record: Record) -> dict[str, Any]:
    return {**record.describe(), "EndpointConfigArn": record.arn, "CreationTime": record.created}


_LISTING = Listing(answer="EndpointConfigs", summary=_describe, filters=INCLUSIVE_TIMES)


def _variant(item: dict[str, Any]) -> dict[str, Any]:
    return {"InitialVariantWeight": 1.0, **item}


def _check(scope: Scope, request: dict[str, Any]) -> None:
    refuse_members(request, _UNSUPPORTED)
    variants = request["ProductionVariants"]
    names = [item["VariantName"] for item in variants]
    for name in {name for name in names if names.count(name) > 1}:
        raise ValidationException(f"Duplicate variant name {name!r} in ProductionVariants")
    for item in variants:
        refuse_members(item, _UNSUPPORTED_OF_VARIANT)
        if "ModelName" not in item:
            raise ValidationException(
                f"ProductionVariant {item['VariantName']!r} has no ModelName: "
                "inference components are not supported by harness; name a model"
            )
        for member in ("InstanceType", "InitialInstanceCount"):
            if member not in item:
                raise ValidationException(f"ProductionVariant {item['VariantName']!r} has no {member}")
        strategy = item.get("RoutingConfig", {}).get("RoutingStrategy", "RANDOM")
        if strategy not in ("RANDOM", "LEAST_OUTSTANDING_REQUESTS"):
            raise ValidationException(
                f"RoutingStrategy {strategy} is not supported by harness; use RANDOM or LEAST_OUTSTANDING_REQUESTS"
            )
        find_model(scope, item["ModelName"])
    if "DataCaptureConfig" in request:
        s3_uri(request["DataCaptureConfig"]["DestinationS3Uri"])
