"""Tags of resources: add, list, delete. They are stored in ``spec["Tags"]``, where Create puts them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from harness.kernel.arns import parse_arn
from harness.kernel.errors import ValidationException
from harness.kernel.records import Key, Record
from harness.services.paging import cut_page
from harness.services.scope import Scope
from harness.services.tag_rules import refuse_reserved
from harness.stores.records import RecordMissing

_MOST = 50
_Tags = dict[str, str]


def add_tags(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    new_tags = {tag["Key"]: tag["Value"] for tag in request["Tags"]}

    def merge(tags: _Tags) -> _Tags:
        both = {**tags, **new_tags}
        if len(both) > _MOST:
            raise ValidationException(f"A resource can have {_MOST} tags at most; these would be {len(both)}.")
        return both

    return {"Tags": _change(scope, request["ResourceArn"], merge)}


def list_tags(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    tags = _find(scope, request["ResourceArn"]).spec.get("Tags", [])
    page, token = cut_page(
        tags, request, lambda tag: [tag["Key"]], descending=False, limit=request.get("MaxResults", _MOST)
    )
    return {"Tags": page, **({"NextToken": token} if token else {})}


def delete_tags(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    refuse_reserved(request["TagKeys"])
    removed = set(request["TagKeys"])
    _change(scope, request["ResourceArn"], lambda tags: {key: tags[key] for key in tags if key not in removed})
    return {}


def _change(scope: Scope, arn: str, change: Callable[[_Tags], _Tags]) -> list[dict[str, str]]:
    def change_record(record: Record) -> Record:
        tags = change({tag["Key"]: tag["Value"] for tag in record.spec.get("Tags", [])})
        return replace(record, spec={**record.spec, "Tags": [{"Key": key, "Value": tags[key]} for key in tags]})

    try:
        record = scope.records.change(_find(scope, arn).key, change_record)
    except RecordMissing as error:
        raise _missing(arn) from error
    return list(record.spec["Tags"])


def _find(scope: Scope, arn: str) -> Record:
    """Return the record of an ARN, ignoring the case of its name: see ``kernel.arns`` for ARNs in lower case."""
    try:
        kind, account, region, name = parse_arn(arn)
    except ValueError as error:
        raise ValidationException(f"ResourceArn is not the ARN of a SageMaker resource: '{arn}'") from error
    if (account, region) != (scope.account, scope.region):
        raise _missing(arn)
    record = scope.records.find(Key(kind, account, region, name))
    if record is not None:
        return record
    for candidate in scope.records.scan(kind, account, region):
        if candidate.arn.lower() == arn.lower():
            return candidate
    raise _missing(arn)


def _missing(arn: str) -> ValidationException:
    return ValidationException(f"Could not find a resource with ARN '{arn}'.")
