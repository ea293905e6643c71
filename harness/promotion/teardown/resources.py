"""Look-up of a ledger's resources in the account. Operations and their members come from botocore's service models."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.aws_run.ledger import LedgerEntry
from harness.kernel.kinds import BY_TYPE, kind_of
from harness.promotion.account import Account

GONE, RUNNING, ENDED, THERE = "gone", "running", "ended", "there"
"""States of a resource: does not exist; a running job; an ended job, which costs nothing; exists until deleted."""

_MISSING_CODES = frozenset(
    [
        "ResourceNotFound",
        "ResourceNotFoundException",
        "NotFoundException",
        "NoSuchEntity",
        "NoSuchBucket",
        "NoSuchKey",
        "404",
    ]
)
_MISSING = re.compile(r"could not find|cannot find|not found|does not exist|no longer exists", re.IGNORECASE)
_AT_WORK = frozenset(["inprogress", "in_progress", "starting", "stopping", "pending", "executing", "initializing"])
_OTHER_SERVICES, _OBJECTS, _BUCKETS = 12, 13, 14
"""Positions in the order of removal, after all SageMaker kinds."""


@dataclass(frozen=True)
class Condition:
    state: str
    description: Mapping[str, Any]


def order(entry: LedgerEntry) -> int:
    """Return the position of an entry in the order of removal: users of a resource are removed before it."""
    if entry.service == "s3":
        return _BUCKETS if entry.kind == "Bucket" else _OBJECTS
    return kind_of(entry.kind).removal if entry.service == "sagemaker" else _OTHER_SERVICES


def is_job(entry: LedgerEntry) -> bool:
    return entry.service == "sagemaker" and kind_of(entry.kind).is_job


def is_billed(entry: LedgerEntry) -> bool:
    """Return whether it can cost money: jobs while they run, objects, and kinds that cost money while they exist."""
    return is_job(entry) or entry.service == "s3" or kind_of(entry.kind).billed


def is_missing(error: Any) -> bool:
    body = error.response["Error"]
    return body["Code"] in _MISSING_CODES or bool(_MISSING.search(body.get("Message", "")))


def request_for(client: Any, verb: str, entry: LedgerEntry) -> tuple[str, dict[str, Any]] | None:
    """Return the boto3 method and arguments to ``Describe``, ``Stop`` or ``Delete`` a resource; None if impossible."""
    from botocore import xform_name

    kind = kind_of(entry.kind).operation_noun
    operation = f"{verb}{kind}"
    if operation not in client.meta.service_model.operation_names:
        return None
    shape = client.meta.service_model.operation_model(operation).input_shape
    required = [member for member in shape.required_members if member != "ClientRequestToken"]
    known = {**({f"{kind}Name": entry.name} if entry.name else {}), **entry.identity}
    arguments = {member: known[member] for member in required if member in known}
    if not required:
        arguments = {member: value for member, value in entry.identity.items() if member in shape.members}
    complete = bool(arguments) and set(required) <= set(arguments)
    return (xform_name(operation), arguments) if complete else None


def look(account: Account, entry: LedgerEntry) -> Condition:
    """Describe a SageMaker resource. A resource without a Describe operation counts as existing."""
    from botocore.exceptions import ClientError

    client = account.client(entry.service)
    request = request_for(client, "Describe", entry)
    if request is None:
        return Condition(THERE, {})
    method, arguments = request
    try:
        description = getattr(client, method)(**arguments)
    except ClientError as error:
        if is_missing(error):
            return Condition(GONE, {})
        raise
    if not is_job(entry) and entry.kind != "PipelineExecution":
        return Condition(THERE, description)
    at_work = status(entry.kind, description).lower() in _AT_WORK
    return Condition(RUNNING if at_work else ENDED, description)


def status(kind: str, description: Mapping[str, Any]) -> str:
    """Return the status in a description: the member has different names for different kinds."""
    members = (f"{kind}Status", f"{kind_of(kind).operation_noun}Status", "Status")
    return next((str(description[member]) for member in members if member in description), "")


def arn_of(entry: LedgerEntry, description: Mapping[str, Any]) -> str:
    members = (f"{entry.kind}Arn", f"{kind_of(entry.kind).operation_noun}Arn")
    return next((str(description[member]) for member in members if member in description), "")


def from_arn(account: Account, arn: str, at: float = 0.0) -> LedgerEntry | None:
    """Return a ledger entry for an ARN; None for other services and for types without a Create operation."""
    _, _, service, _, _, resource = arn.split(":", 5)
    if service != "sagemaker":
        return None
    noun, _, name = resource.partition("/")
    kind = BY_TYPE[noun].noun if noun in BY_TYPE else _noun_of(account, noun)
    if not kind:
        return None
    identity = {"ModelPackageName": arn} if kind == "ModelPackage" else {f"{kind}Arn": arn}
    if kind in ("Artifact", "Action", "Context"):
        identity = {f"{kind}Arn": arn} if kind == "Artifact" else {f"{kind}Name": name}
    return LedgerEntry("sagemaker", kind, name, "created", at, at, identity)


def _noun_of(account: Account, arn_type: str) -> str:
    """Return the noun of an ARN type that the table of kinds does not have, from the Create operations."""
    operations = account.client("sagemaker").meta.service_model.operation_names
    nouns = [name.removeprefix("Create") for name in operations if name.startswith("Create")]
    return next((noun for noun in nouns if noun.lower() == arn_type.replace("-", "")), "")
