"""The tagging API over what was made in SageMaker: late to see new things, and late to forget what is gone."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from tests.aws_stand_in.engine import Engine, NotThere
from tests.aws_stand_in.inventory import Inventory, Made
from tests.aws_stand_in.refusals import Refused

_LATE = 5.0
"""Seconds that a deleted thing goes on being found."""


async def told(operation: str, asked: Mapping[str, Any], inventory: Inventory, engine: Engine) -> dict[str, Any]:
    if operation != "GetResources":
        raise Refused("AccessDeniedException", f"the stand-in does not have {operation}")
    found = []
    for made in inventory.everything():
        tags = await _tags(made, engine)
        if tags and not made.hidden("GetResources") and _wanted(tags, made.arn, asked):
            found.append({"ResourceARN": made.arn, "Tags": tags})
    start, size = int(asked.get("PaginationToken") or "0"), int(asked.get("ResourcesPerPage", 50))
    token = str(start + size) if start + size < len(found) else ""
    return {"ResourceTagMappingList": found[start : start + size], "PaginationToken": token}


async def _tags(made: Made, engine: Engine) -> list[dict[str, str]]:
    try:
        made.tags = list((await engine.ask("ListTags", ResourceArn=made.arn))["Tags"])
    except NotThere:
        if made.gone is None or time.monotonic() - made.gone > _LATE:
            return []
    return made.tags


def _wanted(tags: list[dict[str, str]], arn: str, asked: Mapping[str, Any]) -> bool:
    values = {tag["Key"]: tag["Value"] for tag in tags}
    for each in asked.get("TagFilters", ()):
        if each["Key"] not in values or (each.get("Values") and values[each["Key"]] not in each["Values"]):
            return False
    kinds = asked.get("ResourceTypeFilters", ())
    service, kind = arn.split(":")[2], arn.split(":", 5)[5].partition("/")[0]
    return not kinds or service in kinds or f"{service}:{kind}" in kinds
