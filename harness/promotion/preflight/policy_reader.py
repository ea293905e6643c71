"""Reading the policies of a role or user from IAM, for callers that may not use IAM's simulation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from harness.kernel.policy_evaluation import Policies, Statement, as_list
from harness.promotion.account import credentials_expired
from harness.promotion.preflight.findings import code

READS = "iam:Get* and iam:List*"
"""The IAM actions that reading policies requires."""


def read_policies(iam: Any, arn: str) -> Policies:
    """Return all policies of a role or user, with those of a user's groups. Refused reads are listed in ``unread``."""
    return _PolicyReader(iam).policies(arn)


class _PolicyReader:
    def __init__(self, iam: Any) -> None:
        self._iam = iam
        self._unread: dict[str, None] = {}
        self._managed: dict[str, list[Statement]] = {}

    def policies(self, arn: str) -> Policies:
        kind, _, path = arn.rpartition(":")[2].partition("/")
        identity = {f"{kind.capitalize()}Name": path.rpartition("/")[2]}
        statements = list(self._all_statements(kind, identity))
        if kind == "user":
            for group in self._read_or_note("groups", lambda: self._pages("list_groups_for_user", "Groups", identity)):
                statements += self._all_statements("group", {"GroupName": group["GroupName"]})
        boundary = None
        for holder in self._read_or_note(
            "boundary", lambda: [getattr(self._iam, f"get_{kind}")(**identity)[kind.capitalize()]]
        ):
            if limit := holder.get("PermissionsBoundary"):
                boundary = tuple(self._managed_statements(limit["PermissionsBoundaryArn"]))
        return Policies(tuple(statements), boundary, tuple(self._unread))

    def _all_statements(self, kind: str, identity: Mapping[str, str]) -> Iterator[Statement]:
        inline, attached = f"list_{kind}_policies", f"list_attached_{kind}_policies"
        for name in self._read_or_note(
            "names of policies within", lambda: self._pages(inline, "PolicyNames", identity)
        ):
            yield from self._inline_statements(kind, identity, name)
        for policy in self._read_or_note(
            "attached policies", lambda: self._pages(attached, "AttachedPolicies", identity)
        ):
            yield from self._managed_statements(policy["PolicyArn"])

    def _inline_statements(self, kind: str, identity: Mapping[str, str], name: str) -> list[Statement]:
        get = getattr(self._iam, f"get_{kind}_policy")
        return self._read_or_note(
            f"policy {name}", lambda: _statements(get(**identity, PolicyName=name)["PolicyDocument"])
        )

    def _managed_statements(self, arn: str) -> list[Statement]:
        def read() -> list[Statement]:
            version = self._iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
            answer = self._iam.get_policy_version(PolicyArn=arn, VersionId=version)
            return _statements(answer["PolicyVersion"]["Document"])

        if arn not in self._managed:
            self._managed[arn] = self._read_or_note(arn.rpartition("/")[2], read)
        return self._managed[arn]

    def _pages(self, method: str, member: str, identity: Mapping[str, str]) -> list[Any]:
        return [item for page in self._iam.get_paginator(method).paginate(**identity) for item in page[member]]

    def _read_or_note(self, what: str, read: Callable[[], list[Any]]) -> list[Any]:
        from botocore.exceptions import ClientError

        try:
            return read()
        except ClientError as error:
            if credentials_expired(error):
                raise
            self._unread[f"{what} ({code(error)})"] = None
            return []


def _statements(document: Mapping[str, Any]) -> list[Statement]:
    return as_list(document["Statement"])
