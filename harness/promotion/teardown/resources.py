"""What there is in an account: a thing of a ledger looked up, its condition told. Operations come from the models."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.aws_run.ledger import LedgerEntry
from harness.kernel.kinds import BY_TYPE, kind_of
from harness.promotion.account import Account

GONE, RUNNING, ENDED, THERE = "gone", "running", "ended", "there"
"""Not there; a job at work; a job's record, which costs nothing; there, until it is deleted."""

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
"""Places in the order of removal after all kinds of SageMaker's."""


@dataclass(frozen=True)
class Condition:
    state: str
    description: Mapping[str, Any]


def order(entry: LedgerEntry) -> int:
    """The place of an entry in the order of removal: what uses a resource is removed before it."""
    if entry.service == "s3":
        return _BUCKETS if entry.kind == "Bucket" else _OBJECTS
    return kind_of(entry.kind).removal if entry.service == "sagemaker" else _OTHER_SERVICES


def is_job(entry: LedgerEntry) -> bool:
    return entry.service == "sagemaker" and kind_of(entry.kind).is_job


def billed(entry: LedgerEntry) -> bool:
    """Whether it can cost money: jobs while they run, objects, and the kinds that cost money while they exist."""
    return is_job(entry) or entry.service == "s3" or kind_of(entry.kind).billed


def missing(error: Any) -> bool:
    told = error.response["Error"]
    return told["Code"] in _MISSING_CODES or bool(_MISSING.search(told.get("Message", "")))


def request_for(client: Any, verb: str, entry: LedgerEntry) -> tuple[str, dict[str, Any]] | None:
    """The boto3 method and its arguments for ``Describe``, ``Stop`` or ``Delete``; None when there is no way."""
    from botocore import xform_name

    kind = kind_of(entry.kind).operation_noun
    operation = f"{verb}{kind}"
    if operation not in client.meta.service_model.operation_names:
        return None
    shape = client.meta.service_model.operation_model(operation).input_shape
    wanted = [member for member in shape.required_members if member != "ClientRequestToken"]
    known = {**({f"{kind}Name": entry.name} if entry.name else {}), **entry.identity}
    given = {member: known[member] for member in wanted if member in known}
    if not wanted:
        given = {member: value for member, value in entry.identity.items() if member in shape.members}
    complete = bool(given) and set(wanted) <= set(given)
    return (xform_name(operation), given) if complete else None


def look(account: Account, entry: LedgerEntry) -> Condition:
    """Asks AWS about a SageMaker resource. What has no Describe is taken to be there."""
    from botocore.exceptions import ClientError

    client = account.client(entry.service)
    request = request_for(client, "Describe", entry)
    if request is None:
        return Condition(THERE, {})
    method, arguments = request
    try:
        description = getattr(client, method)(**arguments)
    except ClientError as error:
        if missing(error):
            return Condition(GONE, {})
        raise
    if not is_job(entry) and entry.kind != "PipelineExecution":
        return Condition(THERE, description)
    at_work = status(entry.kind, description).lower() in _AT_WORK
    return Condition(RUNNING if at_work else ENDED, description)


def status(kind: str, description: Mapping[str, Any]) -> str:
    """The one member that says it, whatever the noun calls it."""
    members = (f"{kind}Status", f"{kind_of(kind).operation_noun}Status", "Status")
    return next((str(description[member]) for member in members if member in description), "")


def arn_of(entry: LedgerEntry, description: Mapping[str, Any]) -> str:
    members = (f"{entry.kind}Arn", f"{kind_of(entry.kind).operation_noun}Arn")
    return next((str(description[member]) for member in members if member in description), "")


def from_arn(account: Account, arn: str, at: float = 0.0) -> LedgerEntry | None:
    """The entry that a ledger would have for it; None for what is not SageMaker's or has no Delete and no Stop."""
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
    """The noun of a type that the table of kinds does not have, by the service's Create operations."""
    operations = account.client("sagemaker").meta.service_model.operation_names
    nouns = [name.removeprefix("Create") for name in operations if name.startswith("Create")]
    return next((noun for noun in nouns if noun.lower() == arn_type.replace("-", "")), "")
