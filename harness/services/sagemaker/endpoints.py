"""Endpoints: create, describe, list, update, update weights and capacities, delete."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

from harness.contract.catalog import UnknownImage
from harness.contract.serving import container_of
from harness.engine.hosting.endpoint_descriptions import under_way
from harness.engine.lifecycle import move
from harness.kernel.errors import ValidationException
from harness.kernel.records import Record
from harness.services.paging import INCLUSIVE_TIMES, Listing
from harness.services.sagemaker.endpoint_configs import find_endpoint_config
from harness.services.sagemaker.jobs import refuse_members
from harness.services.sagemaker.models import find_model
from harness.services.scope import Scope
from harness.stores.records import RecordExists

KIND = "endpoint"


def create_endpoint(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    refuse_members(request, ("DeploymentConfig",))
    name = request["EndpointName"]
    for other in scope.records.scan(KIND, scope.account, scope.region):
        # CreateEndpoint in the API reference: names are unique ignoring case, but calls are case-sensitive.
        if other.name.lower() == name.lower():
            raise ValidationException(f'Cannot create already existing endpoint "{other.arn}".')
    deployment = _deployment_of_config(scope, request["EndpointConfigName"])
    record = Record(
        key=scope.key(KIND, name),
        arn=scope.arn(KIND, name),
        spec=request,
        inner={"wanted": {**deployment, "since": scope.clock.real()}},
        created=scope.clock.real(),
    )
    try:
        scope.records.add(move(record, "Creating"))
    except RecordExists as taken:
        raise ValidationException(f'Cannot create already existing endpoint "{taken.existing.arn}".') from taken
    scope.engine.reconcile(record.key)
    return {"EndpointArn": record.arn}


def describe_endpoint(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    return _describe(_find(scope, request["EndpointName"]))


def list_endpoints(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    return _LISTING.page(scope.records_of(KIND), request)


def update_endpoint(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    refuse_members(request, ("DeploymentConfig", "RetainDeploymentConfig"))
    record = _find(scope, request["EndpointName"])
    deployment = _deployment_of_config(scope, request["EndpointConfigName"])
    # The configuration in use must still exist: recorded in hashicorp/terraform-provider-aws#40048.
    find_endpoint_config(scope, record.describe()["EndpointConfigName"])
    if request.get("RetainAllVariantProperties"):
        deployment = _retain_properties(record, deployment, request.get("ExcludeRetainedVariantProperties", []))
    _begin_update(scope, record, deployment)
    return {"EndpointArn": record.arn}


def update_endpoint_weights_and_capacities(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    record = _find(scope, request["EndpointName"])
    deployment = record.inner["wanted"]
    desired = {item["VariantName"]: item for item in request["DesiredWeightsAndCapacities"]}
    unknown = desired.keys() - {item["VariantName"] for item in deployment["variants"]}
    if unknown:
        raise ValidationException(f"Variant {min(unknown)!r} does not exist on endpoint {record.name}")
    for item in desired.values():
        refuse_members(item, ("ServerlessUpdateConfig",))
    variants = [_resize_variant(item, desired.get(item["VariantName"], {})) for item in deployment["variants"]]
    _begin_update(scope, record, {**deployment, "variants": variants})
    return {"EndpointArn": record.arn}


def delete_endpoint(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    record = _find(scope, request["EndpointName"])

    def change(current: Record) -> Record:
        if current.state in ("Creating", "Updating", "SystemUpdating"):
            raise ValidationException(f'Cannot update in-progress endpoint "{current.arn}".')
        return current if current.state == "Deleting" else move(current, "Deleting")

    scope.records.change(record.key, change)
    scope.engine.reconcile(record.key)
    return {}


def _find(scope: Scope, name: str) -> Record:
    record = scope.records.find(scope.key(KIND, name))
    if record is None:
        raise ValidationException(f'Could not find endpoint "{scope.arn(KIND, name)}".')
    return record


def _describe(record: Record) -> dict[str, Any]:
    return {
        **record.describe(),
        **under_way(record),
        "EndpointArn": record.arn,
        "CreationTime": record.created,
        "LastModifiedTime": record.modified,
    }


_LISTING = Listing(answer="Endpoints", summary=_describe, status="EndpointStatus", filters=INCLUSIVE_TIMES)


def _deployment_of_config(scope: Scope, config_name: str) -> dict[str, Any]:
    """Return the variants to deploy, copied from the configuration and its models.

    Copied because both may be deleted while the endpoint serves. ``generation`` differs for every new set of servers,
    and stays the same when only weights or counts change.
    """
    config = find_endpoint_config(scope, config_name)
    variants = [
        {**item, "Model": model.spec, "DeployedImage": _deployed_image(scope, model)}
        for item in config.spec["ProductionVariants"]
        for model in [find_model(scope, item["ModelName"])]
    ]
    capture = config.spec.get("DataCaptureConfig")
    return {"config": config_name, "generation": uuid.uuid4().hex, "variants": variants, "capture": capture}


def _deployed_image(scope: Scope, model: Record) -> dict[str, Any]:
    image = container_of(model)["Image"]
    try:
        resolved = scope.images.pinned_uri(image)
    except UnknownImage:  # a model saved by an older harness: starting its servers reports the error
        resolved = image
    return {"SpecifiedImage": image, "ResolvedImage": resolved, "ResolutionTime": scope.clock.real()}


def _retain_properties(record: Record, deployment: dict[str, Any], excluded: list[dict[str, str]]) -> dict[str, Any]:
    """Keep the endpoint's present weights and counts in place of those of the new configuration."""
    kinds = {item["VariantPropertyType"] for item in excluded}
    members = {"DesiredInstanceCount": "InitialInstanceCount", "DesiredWeight": "InitialVariantWeight"}
    retained = [member for kind, member in members.items() if kind not in kinds]
    old = {item["VariantName"]: item for item in record.inner["wanted"]["variants"]}
    variants = [
        {**item, **{member: value for member, value in old.get(item["VariantName"], {}).items() if member in retained}}
        for item in deployment["variants"]
    ]
    capture = deployment["capture"] if "DataCaptureConfig" in kinds else record.inner["wanted"]["capture"]
    return {**deployment, "variants": variants, "capture": capture}


def _resize_variant(item: dict[str, Any], desired: dict[str, Any]) -> dict[str, Any]:
    changed = dict(item)
    if "DesiredWeight" in desired:
        changed["InitialVariantWeight"] = desired["DesiredWeight"]
    if "DesiredInstanceCount" in desired:
        changed["InitialInstanceCount"] = desired["DesiredInstanceCount"]
    return changed


def _begin_update(scope: Scope, record: Record, deployment: dict[str, Any]) -> None:
    since = scope.clock.real()

    def change(current: Record) -> Record:
        if current.state != "InService":
            raise ValidationException(f'Cannot update in-progress endpoint "{current.arn}".')
        return replace(move(current, "Updating"), inner={**current.inner, "wanted": {**deployment, "since": since}})

    scope.records.change(record.key, change)
    scope.engine.reconcile(record.key)
