"""What a Create request asks for, read from the request and the service model: kind, name, instances. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

# Creations that give no durable thing: a link to sign in, and jobs' own uploads of results.
_NOTHING = ("Presigned", "MultipartUpload", "Session", "Token")
_IMAGES = ("Image", "ImageUri", "TrainingImage")


@dataclass(frozen=True)
class Creation:
    """``identity`` is what the Delete of the same kind wants and the request says; None when there is no Delete."""

    kind: str
    name: str
    identity: dict[str, Any]
    instances: tuple[dict[str, Any], ...]
    images: tuple[str, ...] = ()


def creation(model: Any, request: Mapping[str, Any]) -> Creation | None:
    """``model`` is botocore's operation model; None when the operation creates nothing."""
    if model.name == "StartPipelineExecution":
        name = f"{request.get('PipelineName')}/{request.get('ClientRequestToken')}"
        return Creation("PipelineExecution", name, {}, ())
    if not model.name.startswith("Create") or any(word in model.name for word in _NOTHING):
        return None
    kind = model.name.removeprefix("Create")
    wanted = deletion_members(model.service_model, kind)
    identity = {member: request[member] for member in wanted if member in request}
    name = request.get(f"{kind}Name") or next((str(identity[key]) for key in reversed(wanted) if key in identity), "")
    if not name:  # CreateTransformJob and its kin have no Delete; AWS itself names what is left
        named = [value for member, value in request.items() if member.endswith("Name") and isinstance(value, str)]
        name = named[0] if named else ""
    return Creation(kind, name, identity, tuple(instances(request)), tuple(dict.fromkeys(_images(request))))


def uses(request: Mapping[str, Any]) -> str:
    """The thing with the machines that a request leaves to another: an endpoint's config, a schedule's definition."""
    schedule = request.get("MonitoringScheduleConfig") or {}
    return str(request.get("EndpointConfigName") or schedule.get("MonitoringJobDefinitionName") or "")


def answered_identity(model: Any, answer: Mapping[str, Any]) -> dict[str, Any]:
    """What the Delete of the same kind wants and only the answer says: ids and ARNs that AWS gave."""
    if model.name == "StartPipelineExecution":
        return {"PipelineExecutionArn": answer["PipelineExecutionArn"]}
    kind = model.name.removeprefix("Create")
    wanted = deletion_members(model.service_model, kind)
    found = {member: answer[member] for member in wanted if member in answer}
    arn = answer.get(f"{kind}Arn")
    if (
        arn and len(wanted) <= 1 and not found
    ):  # a model package's Name may be its ARN; an artifact's only id is its ARN
        found[wanted[0] if wanted else f"{kind}Arn"] = arn
    return found


def deletion_members(service: Any, kind: str) -> tuple[str, ...]:
    """What ``DeleteKIND`` must be told."""
    operation = f"Delete{kind}"
    if operation not in service.operation_names:
        return ()
    shape = service.operation_model(operation).input_shape
    tokens = (member for member in shape.required_members if member != "ClientRequestToken")
    return tuple(tokens)


def instances(request: Any) -> Iterator[dict[str, Any]]:
    """Every machine a request asks for, wherever in it that is said."""
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
