"""Callers on a LocalStack: the execution role of each account, and GetCallerIdentity for keys that were not issued."""

from __future__ import annotations

import json
import logging
import re
import threading
from collections.abc import Mapping
from typing import Any

from harness.aws.execution_role import (
    DESCRIPTION,
    INLINE_POLICY,
    LONGEST_SESSION,
    MANAGED_POLICY,
    PERMISSIONS,
    ROLE,
    SESSION,
    TRUST,
)
from harness.aws.remote.clients import Clients

ISSUED_PREFIXES = ("AKIA", "ASIA", "LKIA", "LSIA")
"""Prefixes of keys that IAM or STS issued. LocalStack's own begin with L unless it is configured otherwise."""

_CREDENTIAL = re.compile(r"(Credential=)([^/,\s]+)")
_ROOT = re.compile(r"<Arn>arn:(aws[\w-]*):iam::(\d{12}):root</Arn>")
_USER_ID = re.compile(r"<UserId>[^<]*</UserId>")
logger = logging.getLogger(__name__)


class Identity:
    """Finds roles and accounts of callers. Thread-safe; calls LocalStack at most once for each account and key."""

    def __init__(self, clients: Clients, region: str, roles: tuple[str, ...] = ()) -> None:
        self._clients = clients
        self._region = region
        self._listed = roles
        """Execution roles that each account has in addition to harness's own."""
        self._roles: dict[str, str] = {}
        """Account -> id of its execution role."""
        self._accounts: dict[str, str | None] = {}
        self._lock = threading.Lock()

    def ensure_role(self, account: str) -> str:
        """Create the execution role once for each account (a user may delete it), and return its id."""
        with self._lock:
            known = self._roles.get(account)
            if known is None:
                for role in self._listed:
                    self._role(account, role)
                known = self._roles[account] = self._role(account, ROLE)
        return known

    def role_exists(self, account: str, role_arn: str) -> bool:
        self.ensure_role(account)
        iam = self._clients.get("iam", account, self._region)
        try:
            known = iam.get_role(RoleName=role_arn.rpartition("/")[2])
        except iam.exceptions.NoSuchEntityException:
            return False
        return bool(known["Role"]["Arn"] == role_arn)

    def account_of(self, access_key: str) -> str | None:
        """Return the account whose IAM or STS issued this access key; None for other keys."""
        if not access_key.startswith(ISSUED_PREFIXES):
            return None
        if access_key not in self._accounts:
            client = self._clients.client("sts", (access_key, "any"), self._region)
            known = client.get_caller_identity()
            self._accounts[access_key] = None if known["Arn"].endswith(":root") else str(known["Account"])
        return self._accounts[access_key]

    def as_session(self, document: bytes) -> bytes:
        """Return GetCallerIdentity's answer with an account's root replaced by a session of its execution role."""
        text = document.decode()
        root = _ROOT.search(text)
        if root is None:
            return document
        partition, account = root.groups()
        arn = f"arn:{partition}:sts::{account}:assumed-role/{ROLE}/{SESSION}"
        text = text.replace(root[0], f"<Arn>{arn}</Arn>")
        return _USER_ID.sub(f"<UserId>{self.ensure_role(account)}:{SESSION}</UserId>", text).encode()

    def in_account(self, authorization: str, account: str) -> str:
        """Return the Authorization header with a key that was not issued replaced by the account.

        LocalStack reads the account from the key and does not check the signature.
        """
        known = _CREDENTIAL.search(authorization)
        if known is None or known[2] == account or self._accounts.get(known[2]) is not None:
            return authorization
        return _CREDENTIAL.sub(rf"\g<1>{account}", authorization)

    def forget(self) -> None:
        with self._lock:
            self._roles.clear()
            self._accounts.clear()

    def _role(self, account: str, role: str) -> str:
        """Return the id of a role, and create the role if it does not exist.

        ``role`` is a name, or a path and a name.
        """
        iam = self._clients.get("iam", account, self._region)
        path, _, name = f"/{role}".rpartition("/")
        try:
            return str(iam.get_role(RoleName=name)["Role"]["RoleId"])
        except iam.exceptions.NoSuchEntityException:
            made: Mapping[str, Any] = iam.create_role(
                RoleName=name,
                Path=f"{path}/",
                AssumeRolePolicyDocument=json.dumps(TRUST),
                Description=DESCRIPTION,
                MaxSessionDuration=LONGEST_SESSION,
            )
        iam.put_role_policy(RoleName=name, PolicyName=INLINE_POLICY, PolicyDocument=json.dumps(PERMISSIONS))
        try:
            iam.attach_role_policy(RoleName=name, PolicyArn=MANAGED_POLICY)
        except iam.exceptions.NoSuchEntityException:
            logger.info("This LocalStack has none of AWS's own policies: %s has its inline policy only", name)
        return str(made["Role"]["RoleId"])
