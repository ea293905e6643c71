"""Functions that all kinds of jobs share: unique names, lookups, and refusal of members that harness does not
support."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from harness.engine.job_cache.lookup import ASKED
from harness.engine.lifecycle import is_unfinished, move
from harness.kernel.errors import ResourceInUse, ValidationException
from harness.kernel.records import Record
from harness.services.scope import Scope
from harness.stores.records import RecordExists

MOST_INSTANCES = 20
"""Instances of one job. All of them share this machine: more would only take the processors from each other."""
_REUSE_MARK = "app/harness-reuse"
"""Marks requests of runs with ``--reuse``. Every AWS SDK adds ``AWS_SDK_UA_APP_ID`` to its User-Agent."""


def _begin_stopping(record: Record) -> Record:
    return move(record, "Stopping")


def add_job(scope: Scope, record: Record) -> Record:
    if _REUSE_MARK in scope.caller["user_agent"].split():
        record = replace(record, inner={**record.inner, ASKED: True})
    try:
        return scope.records.add(record)
    except RecordExists as taken:
        raise ResourceInUse(
            "Job name must be unique within an AWS account and region, and a job with this name already exists "
            f"({taken.existing.arn})"
        ) from taken


def find_job(scope: Scope, kind: str, name: str, missing: str) -> Record:
    record = scope.records.find(scope.key(kind, name))
    if record is None:
        raise ValidationException(missing)
    return record


def stop_job(
    scope: Scope, record: Record, noun: str, begin: Callable[[Record], Record] = _begin_stopping
) -> dict[str, Any]:
    """Stop a job that is in progress. ``begin`` makes the record of the stopping job; ``noun`` is for the message."""

    def change(current: Record) -> Record:
        if current.state != "InProgress":
            raise ValidationException(_in_status(current, noun))
        return begin(current)

    scope.records.change(record.key, change)
    scope.engine.stop(record.key)
    return {}


def delete_job(scope: Scope, record: Record, noun: str) -> dict[str, Any]:
    if is_unfinished(record):
        raise ResourceInUse(_in_status(record, noun))
    scope.records.delete(record.key)
    return {}


def describe_job(record: Record, arn_member: str) -> dict[str, Any]:
    times = {"CreationTime": record.created, "LastModifiedTime": record.modified}
    return {**record.describe(), arn_member: record.arn, **times}


def _in_status(record: Record, noun: str) -> str:
    return f"The request was rejected because the {noun} is in status {record.state}"


def refuse_members(request: dict[str, Any], members: Iterable[str]) -> None:
    """Refuse request members that harness does not support. They are never accepted and ignored."""
    unsupported = [member for member in members if request.get(member)]
    if unsupported:
        raise ValidationException(f"{', '.join(unsupported)}: not supported by harness")


def refuse_duplicates(member: str, names: list[str]) -> None:
    for name in dict.fromkeys(names):
        if names.count(name) > 1:
            raise ValidationException(f"{member}: the name {name!r} occurs more than once")


def refuse_empty_words(application: Mapping[str, Any]) -> None:
    """Refuse empty strings in a container's command. The message is recorded in aws/sagemaker-python-sdk#3758."""
    for member in ("ContainerEntrypoint", "ContainerArguments"):
        words = application.get(member, [])
        if "" in words:
            raise ValidationException(
                f"Found null or empty string in {member} at index {words.index('')}. "
                "ContainerArguments and ContainerEntrypoint may not contain null or empty strings."
            )


def require_members(request: dict[str, Any], members: Iterable[str]) -> None:
    """Refuse a request without members that the API model makes optional, for serverless jobs, and harness needs."""
    missing = [member for member in members if member not in request]
    if missing:
        raise ValidationException(f"{', '.join(missing)}: required, because harness does not run serverless jobs")


def require_single_host(member: str, count: int) -> None:
    if count != 1:
        raise ValidationException(f"{member} {count}: harness runs a job on one instance; use 1")


def require_instances(scope: Scope, member: str, resources: dict[str, Any]) -> None:
    """Check that the request names instances by type and count, or in groups."""
    for other in ("InstancePreferences", "InstancePlacementConfig"):
        if resources.get(other):
            raise ValidationException(f"{member}.{other} is not supported by harness; use InstanceType")
    if groups := resources.get("InstanceGroups"):
        if "InstanceType" in resources or "InstanceCount" in resources:
            raise ValidationException(f"{member}: InstanceGroups goes without InstanceType and InstanceCount")
        refuse_duplicates(f"{member}.InstanceGroups", [group["InstanceGroupName"] for group in groups])
        check_instance_count(scope, f"{member}.InstanceGroups: InstanceCount", count_instances(resources))
        return
    for required in ("InstanceType", "InstanceCount"):
        if required not in resources:
            raise ValidationException(f"{member}.{required} is required")
    check_instance_count(scope, f"{member}.InstanceCount", resources["InstanceCount"])


def count_instances(resources: Mapping[str, Any]) -> int:
    """Return the number of instances of a ResourceConfig or ClusterConfig."""
    return sum(group.get("InstanceCount", 1) for group in resources.get("InstanceGroups") or [resources])


def refuse_too_many_instances(member: str, count: int) -> None:
    if count > MOST_INSTANCES:
        raise ValidationException(f"{member} {count}: harness runs a job on at most {MOST_INSTANCES} instances")


def check_instance_count(scope: Scope, member: str, count: int) -> None:
    """Refuse several instances where the runner cannot give them, and more than one machine is made for."""
    refuse_too_many_instances(member, count)
    refusal = scope.images.refuses_several_hosts() if count > 1 else ""
    if refusal:
        raise ValidationException(f"{member} {count}: {refusal}")
