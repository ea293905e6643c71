"""The resource that a Create request makes, read from the request and the service model. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

# Creations that give no durable thing: a link to sign in, and jobs' own uploads of results.
_NOTHING = ("Presigned", "MultipartUpload", "Session", "Token")
_IMAGES = ("Image", "ImageUri", "TrainingImage")


@dataclass(frozen=True)
class Creation:
    """The resource of a Create request. ``identity`` holds those members of its Delete request that are known."""

    kind: str
    name: str
    identity: dict[str, Any]
    instances: tuple[dict[str, Any], ...]
    images: tuple[str, ...] = ()


def creation(model: Any, request: Mapping[str, Any]) -> Creation | None:
    """Return what a request creates; None when it creates nothing. ``model`` is botocore's operation model."""
    if model.name == "StartPipelineExecution":
        name = f"{request.get('PipelineName')}/{request.get('ClientRequestToken')}"
        return Creation("PipelineExecution", name, {}, ())
    if not model.name.startswith("Create") or any(word in model.name for word in _NOTHING):
        return None
    kind = model.name.removeprefix("Create")
    members = deletion_members(model.service_model, kind)
    identity = {member: request[member] for member in members if member in request}
    name = request.get(f"{kind}Name") or next((str(identity[key]) for key in reversed(members) if key in identity), "")
    if not name:  # CreateTransformJob and its kin have no Delete; AWS itself names what is left
        named = [value for member, value in request.items() if member.endswith("Name") and isinstance(value, str)]
        name = named[0] if named else ""
    return Creation(kind, name, identity, tuple(instances(request)), tuple(dict.fromkeys(_images(request))))


def uses(request: Mapping[str, Any]) -> str:
    """Return the name of the resource with the machines: an endpoint's config, a schedule's definition."""
    schedule = request.get("MonitoringScheduleConfig") or {}
    return str(request.get("EndpointConfigName") or schedule.get("MonitoringJobDefinitionName") or "")


def answered_identity(model: Any, answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return those members of the Delete request that only the answer holds: ids and ARNs."""
    if model.name == "StartPipelineExecution":
        return {"PipelineExecutionArn": answer["PipelineExecutionArn"]}
    kind = model.name.removeprefix("Create")
    members = deletion_members(model.service_model, kind)
    identity = {member: answer[member] for member in members if member in answer}
    arn = answer.get(f"{kind}Arn")
    # A model package's Name may be its ARN; an artifact's only id is its ARN.
    if arn and len(members) <= 1 and not identity:
        identity[members[0] if members else f"{kind}Arn"] = arn
    return identity


def deletion_members(service: Any, kind: str) -> tuple[str, ...]:
    """Return the required members of ``DeleteKIND``."""
    operation = f"Delete{kind}"
    if operation not in service.operation_names:
        return ()
    shape = service.operation_model(operation).input_shape
    tokens = (member for member in shape.required_members if member != "ClientRequestToken")
    return tuple(tokens)


def instances(request: Any) -> Iterator[dict[str, Any]]:
    """Find every machine in a request, at any depth."""
    if isinstance(request, list):
        for each in request:
            yield from instances(each)
    elif isinstance(request, Mapping):
        kind = request.get("InstanceType")
        if isinstance(kind, str) and kind.startswith("ml."):
            count = request.get("InstanceCount", request.get("InitialInstanceCount", 1))
            yield {"InstanceType": kind, "InstanceCount": count, "VolumeSizeInGB": request.get("VolumeSizeInGB", 0)}
        for each in request.values():
            yield from instances(each)


def _images(request: Any) -> Iterator[str]:
    if isinstance(request, list):
        for each in request:
            yield from _images(each)
    elif isinstance(request, Mapping):
        for member, value in request.items():
            if member in _IMAGES and isinstance(value, str):
                yield value
            else:
                yield from _images(value)
