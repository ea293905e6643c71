"""``is_public_read``: whether an unsigned request reads an S3 object that its owner has made public.

Public is what an ACL grants to everybody, or the bucket's policy to every principal without a condition, and the
policy denies to none: https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree as ET

from harness.gateway.fault_injection.s3_names import s3_call
from harness.gateway.request_context import RequestContext
from harness.gateway.s3_questions import ask_s3
from harness.kernel.wildcards import matches

_EVERYBODY = "http://acs.amazonaws.com/groups/global/AllUsers"
_HARMLESS = ("x-id", "partnumber", "response-", "x-amz-")


async def is_public_read(exchange: RequestContext) -> bool:
    request = exchange.request
    call = s3_call(request)
    plain = all(name.lower().startswith(_HARMLESS) for name in request.query)
    if exchange.service != "s3" or request.method not in ("GET", "HEAD") or not call.key or not plain:
        return False
    bucket, key = quote(call.bucket, safe=""), quote(call.key, safe="/")
    policy = _statements(await ask_s3(exchange, f"/{bucket}?policy"))
    resource = f"arn:aws:s3:::{call.bucket}/{call.key}"
    if _has(policy, "Deny", resource):
        return False
    acl = await ask_s3(exchange, f"/{bucket}/{key}?acl")
    return (acl is not None and grants_reading(acl)) or _has(policy, "Allow", resource)


def grants_reading(acl: bytes) -> bool:
    """Return whether the access control list lets everybody read."""
    for grant in ET.fromstring(acl).iter():
        if grant.tag.rpartition("}")[2] != "Grant":
            continue
        texts = {element.tag.rpartition("}")[2]: (element.text or "").strip() for element in grant.iter()}
        if texts.get("URI") == _EVERYBODY and texts.get("Permission") in ("READ", "FULL_CONTROL"):
            return True
    return False


def _statements(policy: bytes | None) -> list[Mapping[str, Any]]:
    try:
        document = json.loads(policy or b"{}")
    except ValueError:
        return []
    statements = document.get("Statement", []) if isinstance(document, dict) else []
    return [each for each in (statements if isinstance(statements, list) else [statements]) if isinstance(each, dict)]


def _has(policy: Iterable[Mapping[str, Any]], effect: str, resource: str) -> bool:
    """Return whether a statement with this effect holds for everybody's reading of the object."""
    return any(
        statement.get("Effect") == effect
        and statement.get("Principal") in ("*", {"AWS": "*"}, {"AWS": ["*"]})
        and (effect == "Deny" or not statement.get("Condition"))
        and _covers(statement.get("Action"), "s3:GetObject")
        and _covers(statement.get("Resource"), resource)
        for statement in policy
    )


def _covers(patterns: Any, name: str) -> bool:
    listed = patterns if isinstance(patterns, list) else [patterns]
    return any(isinstance(pattern, str) and matches(pattern, name) for pattern in listed)
