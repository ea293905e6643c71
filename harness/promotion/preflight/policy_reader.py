"""The policies of a role or user as IAM shows them one by one, for where it may not be asked to simulate them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from harness.kernel.policy_evaluation import Policies, Statement, as_list
from harness.promotion.account import stale
from harness.promotion.preflight.findings import code

READS = "iam:Get* and iam:List*"
"""What reading them needs, as a policy would say it."""


def read_policies(iam: Any, arn: str) -> Policies:
    """Of everything attached to it; for a user, its groups as well. What AWS does not show is ``unread``."""
    return _Reading(iam).policies(arn)


class _Reading:
    def __init__(self, iam: Any) -> None:
        self._iam = iam
        self._unread: dict[str, None] = {}
        self._managed: dict[str, list[Statement]] = {}

    def policies(self, arn: str) -> Policies:
        kind, _, path = arn.rpartition(":")[2].partition("/")
        whose = {f"{kind.capitalize()}Name": path.rpartition("/")[2]}
        found = list(self._of(kind, whose))
        if kind == "user":
            for group in self._shown("groups", lambda: self._pages("list_groups_for_user", "Groups", whose)):
                found += self._of("group", {"GroupName": group["GroupName"]})
        boundary = None
        for holder in self._shown("boundary", lambda: [getattr(self._iam, f"get_{kind}")(**whose)[kind.capitalize()]]):
            if limit := holder.get("PermissionsBoundary"):
                boundary = tuple(self._of_policy(limit["PermissionsBoundaryArn"]))
        return Policies(tuple(found), boundary, tuple(self._unread))

    def _of(self, kind: str, whose: Mapping[str, str]) -> Iterator[Statement]:
        within, attached = f"list_{kind}_policies", f"list_attached_{kind}_policies"
        for name in self._shown("names of policies within", lambda: self._pages(within, "PolicyNames", whose)):
            yield from self._within(kind, whose, name)
        for found in self._shown("attached policies", lambda: self._pages(attached, "AttachedPolicies", whose)):
            yield from self._of_policy(found["PolicyArn"])

    def _within(self, kind: str, whose: Mapping[str, str], name: str) -> list[Statement]:
        get = getattr(self._iam, f"get_{kind}_policy")
        return self._shown(f"policy {name}", lambda: _statements(get(**whose, PolicyName=name)["PolicyDocument"]))

    def _of_policy(self, arn: str) -> list[Statement]:
        def read() -> list[Statement]:
            version = self._iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
            told = self._iam.get_policy_version(PolicyArn=arn, VersionId=version)
            return _statements(told["PolicyVersion"]["Document"])

        if arn not in self._managed:
            self._managed[arn] = self._shown(arn.rpartition("/")[2], read)
        return self._managed[arn]

    def _pages(self, method: str, member: str, whose: Mapping[str, str]) -> list[Any]:
        return [found for page in self._iam.get_paginator(method).paginate(**whose) for found in page[member]]

    def _shown(self, what: str, read: Callable[[], list[Any]]) -> list[Any]:
        from botocore.exceptions import ClientError

        try:
            return read()
        except ClientError as error:
            if stale(error):
                raise
            self._unread[f"{what} ({code(error)})"] = None
            return []


def _statements(document: Mapping[str, Any]) -> list[Statement]:
    return as_list(document["Statement"])
