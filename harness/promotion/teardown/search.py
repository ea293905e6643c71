"""Search for resources with a run's tag, in a ledger or not: by the tagging API, and by listing costly kinds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from harness.aws_run.ledger import LedgerEntry
from harness.kernel.kinds import KINDS
from harness.promotion.account import Account, credentials_expired
from harness.promotion.destination import EXPIRES_TAG, OWNER_TAG, RUN_TAG
from harness.promotion.teardown.resources import from_arn

_Lists = tuple[tuple[str, dict[str, str]], ...]
# Kinds that cost money are always listed too: the tagging API is delayed, and the caller may lack permission for it.
# Jobs are listed only while they run, because ended jobs cost nothing and cannot be deleted.
_COSTLY: _Lists = tuple(
    (kind.method("List"), {"StatusEquals": "InProgress"} if kind.is_job else {})
    for kind in sorted(KINDS.values(), key=lambda kind: kind.removal)
    if kind.tagged_search
)
_OTHERS: _Lists = tuple(
    (KINDS[noun].method("List"), {}) for noun in ("EndpointConfig", "Model", "Trial", "TrialComponent", "Experiment")
)


@dataclass(frozen=True)
class TaggedResource:
    """A resource with a run's tag. ``expires`` is in seconds since 1970, 0 if it has no expiry tag."""

    entry: LedgerEntry
    run: str
    owner: str
    expires: float


@dataclass(frozen=True)
class Search:
    """Result of a search; ``how`` describes the method, for messages."""

    how: str
    resources: tuple[TaggedResource, ...]


def search(account: Account, run: str | None = None, since: float | None = None) -> Search:
    """Search for the resources of one run or of all runs; listings skip resources created before ``since``."""
    from botocore.exceptions import BotoCoreError, ClientError

    lists, how = _COSTLY, "the tagging API and by lists"
    tagged: dict[str, dict[str, str]] = {}
    try:
        tagged.update(_by_tag(account, run))
    except (BotoCoreError, ClientError) as error:
        if credentials_expired(error):
            raise
        why = error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
        lists, how = _COSTLY + _OTHERS, f"lists (the tagging API answered {why})"
    listed = _by_listing(account, lists, since)
    tagged.update((arn, tags) for arn, tags in listed if run in (None, tags[RUN_TAG]))
    return Search(how, tuple(_resources(account, tagged)))


def _by_tag(account: Account, run: str | None) -> Iterator[tuple[str, dict[str, str]]]:
    tag = {"Key": RUN_TAG, **({"Values": [run]} if run else {})}
    pages = account.client("resourcegroupstaggingapi").get_paginator("get_resources").paginate(TagFilters=[tag])
    for page in pages:
        for mapping in page["ResourceTagMappingList"]:
            yield mapping["ResourceARN"], _plain(mapping["Tags"])


def _by_listing(account: Account, lists: _Lists, since: float | None) -> Iterator[tuple[str, dict[str, str]]]:
    client = account.client("sagemaker")
    for method, more in lists:
        for arn in _arns(client, method, more, since):
            tags = _tags(client, arn)
            if RUN_TAG in tags:
                yield arn, tags


def _arns(client: Any, method: str, more: Mapping[str, str], since: float | None) -> Iterator[str]:
    operation = client.meta.method_to_api_mapping[method]
    members = client.meta.service_model.operation_model(operation).input_shape.members
    after = next((member for member in ("CreationTimeAfter", "CreatedAfter") if member in members), None)
    moment = {after: datetime.fromtimestamp(since, tz=timezone.utc)} if after and since else {}
    for page in client.get_paginator(method).paginate(**more, **moment):
        for summaries in page.values():
            for summary in summaries if isinstance(summaries, list) else ():
                noun = operation.removeprefix("List").removesuffix("s")
                yield summary[f"{noun}Arn"]


def _tags(client: Any, arn: str) -> dict[str, str]:
    from botocore.exceptions import ClientError

    try:
        return _plain(client.list_tags(ResourceArn=arn)["Tags"])
    except ClientError as error:
        if credentials_expired(error):
            raise
        return {}  # deleted since it was listed


def _resources(account: Account, tagged: Mapping[str, dict[str, str]]) -> Iterator[TaggedResource]:
    for arn, tags in tagged.items():
        entry = from_arn(account, arn)
        if entry is not None:
            yield TaggedResource(entry, tags[RUN_TAG], tags.get(OWNER_TAG, ""), _moment(tags.get(EXPIRES_TAG, "")))


def _moment(text: str) -> float:
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc).timestamp()
    except ValueError:
        return 0.0


def _plain(tags: list[dict[str, str]]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in tags}
