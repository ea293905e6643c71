"""Policies attached to a role or user, read and judged here where IAM may not be asked to simulate.

Knows Allow, Deny, wildcards and NotAction, but no conditions, boundaries or service control policies.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

ALLOWED, DENIED, UNSURE = "allowed", "denied", "unsure"
Statement = Mapping[str, Any]


def statements(iam: Any, arn: str) -> list[Statement]:
    """Of everything attached to the role or user; for a user, its groups as well."""
    kind, _, path = arn.rpartition(":")[2].partition("/")
    name = path.rpartition("/")[2]
    if kind == "role":
        documents = list(_documents(iam, "role", {"RoleName": name}))
    else:
        documents = list(_documents(iam, "user", {"UserName": name}))
        for page in iam.get_paginator("list_groups_for_user").paginate(UserName=name):
            for group in page["Groups"]:
                documents += _documents(iam, "group", {"GroupName": group["GroupName"]})
    return [statement for document in documents for statement in _listed(document["Statement"])]


def _documents(iam: Any, kind: str, whose: Mapping[str, str]) -> Iterator[Mapping[str, Any]]:
    for page in iam.get_paginator(f"list_{kind}_policies").paginate(**whose):
        for name in page["PolicyNames"]:
            yield getattr(iam, f"get_{kind}_policy")(**whose, PolicyName=name)["PolicyDocument"]
    for page in iam.get_paginator(f"list_attached_{kind}_policies").paginate(**whose):
        for policy in page["AttachedPolicies"]:
            arn = policy["PolicyArn"]
            version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
            yield iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]


def judged(found: Iterable[Statement], action: str, resource: str) -> str:
    """A statement with a condition leaves it unsure, unless another decides."""
    allowed = unsure = False
    for statement in found:
        if not _applies(statement, action, resource):
            continue
        if statement.get("Condition"):
            unsure = True
        elif statement["Effect"] == "Deny":
            return DENIED
        else:
            allowed = True
    return UNSURE if unsure else ALLOWED if allowed else DENIED


def _applies(statement: Statement, action: str, resource: str) -> bool:
    if "NotAction" in statement:
        acts = not any(_matches(each, action, any_case=True) for each in _listed(statement["NotAction"]))
    else:
        acts = any(_matches(each, action, any_case=True) for each in _listed(statement.get("Action", ())))
    if "NotResource" in statement:
        return acts and not any(_matches(each, resource) for each in _listed(statement["NotResource"]))
    return acts and any(_matches(each, resource) for each in _listed(statement.get("Resource", "*")))


def _matches(pattern: str, text: str, any_case: bool = False) -> bool:
    written = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return bool(re.fullmatch(written, text, re.IGNORECASE if any_case else 0))


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]
