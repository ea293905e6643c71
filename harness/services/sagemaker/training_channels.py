"""Checks the channels of a training job: what each input mode allows (API reference, "Channel" and "S3DataSource")."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.contract.training import channel_mode
from harness.kernel.errors import ValidationException
from harness.services.sagemaker.jobs import refuse_duplicates
from harness.services.sagemaker.staged_data import require_objects, s3_uri
from harness.services.scope import Scope

_AUGMENTED = "AugmentedManifestFile"
_DATA_TYPES = ("S3Prefix", "ManifestFile", _AUGMENTED)


def check_channels(scope: Scope, request: Mapping[str, Any]) -> None:
    channels = request.get("InputDataConfig", [])
    names = [channel["ChannelName"] for channel in channels]
    refuse_duplicates("InputDataConfig", names)
    for channel in channels:
        _check_channel(scope, request, channel)
        if channel_mode(request, channel) == "Pipe":
            _refuse_names_of_epochs(channel["ChannelName"], names)


def _check_channel(scope: Scope, request: Mapping[str, Any], channel: Mapping[str, Any]) -> None:
    name, mode = channel["ChannelName"], channel_mode(request, channel)
    if name in (".", ".."):
        raise _refusal(name, "this cannot be the name of a folder; choose another")
    if mode != "Pipe":
        for member, usual in (("CompressionType", "None"), ("RecordWrapperType", "None")):
            if channel.get(member, usual) != usual:
                raise _refusal(name, f"{member} {channel[member]} is only supported in Pipe mode")
    source = channel["DataSource"].get("S3DataSource")
    if source is None:
        raise _refusal(name, "only S3DataSource is supported by harness")
    if source["S3DataType"] not in _DATA_TYPES:
        raise _refusal(name, f"S3DataType {source['S3DataType']} is not supported by harness")
    if source.get("HubAccessConfig"):
        raise _refusal(name, "HubAccessConfig is not supported by harness")
    groups = [group["InstanceGroupName"] for group in request["ResourceConfig"].get("InstanceGroups", [])]
    for group in source.get("InstanceGroupNames", []):
        if group not in groups:
            raise _refusal(
                name, f"InstanceGroupNames has {group!r}, which is no group of ResourceConfig.InstanceGroups"
            )
    _check_attributes(name, mode, channel, source)
    require_objects(scope, source["S3Uri"], request["RoleArn"])
    if mode == "FastFile":
        _check_fast_file(scope, name, source)


def _check_attributes(name: str, mode: str, channel: Mapping[str, Any], source: Mapping[str, Any]) -> None:
    if source["S3DataType"] != _AUGMENTED:
        if source.get("AttributeNames"):
            raise _refusal(name, f"AttributeNames needs S3DataType {_AUGMENTED}")
        return
    if mode != "Pipe":
        raise _refusal(name, f"S3DataType {_AUGMENTED} is only supported in Pipe mode")
    if not source.get("AttributeNames"):
        raise _refusal(name, f"S3DataType {_AUGMENTED} needs AttributeNames")
    if channel.get("CompressionType", "None") != "None":
        raise _refusal(name, f"CompressionType Gzip is not supported with S3DataType {_AUGMENTED}")


def _check_fast_file(scope: Scope, name: str, source: Mapping[str, Any]) -> None:
    """FastFile mounts a folder: the prefix cannot end inside a name ("Input modes" in the developer guide)."""
    if source["S3DataType"] != "S3Prefix":
        raise _refusal(name, f"FastFile mode needs S3DataType S3Prefix, not {source['S3DataType']}")
    target = s3_uri(source["S3Uri"])
    folder = target.key.rstrip("/") + "/"
    keys = (info.uri.key for info in scope.objects.list(target))
    if target.key and not any(key == target.key or key.startswith(folder) for key in keys):
        raise _refusal(
            name, f"in FastFile mode {target} must be a folder or an object, and it is the beginning of names"
        )


def _refuse_names_of_epochs(name: str, names: list[str]) -> None:
    for other in names:
        if other.startswith(f"{name}_") and other[len(name) + 1 :].isdigit():
            raise _refusal(other, f"this is the name of an epoch of channel {name!r}; choose another")


def _refusal(name: str, text: str) -> ValidationException:
    return ValidationException(f"Channel {name!r}: {text}")
