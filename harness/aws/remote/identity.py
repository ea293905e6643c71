"""Who the caller is, on a LocalStack: the execution role of each account, and what STS says of keys nobody gave out."""

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

GIVEN_OUT = ("AKIA", "ASIA", "LKIA", "LSIA")
"""How keys begin that IAM or STS gave out; LocalStack's own begin with L unless it is told to keep to AWS's."""

_CREDENTIAL = re.compile(r"(Credential=)([^/,\s]+)")
_ROOT = re.compile(r"<Arn>arn:(aws[\w-]*):iam::(\d{12}):root</Arn>")
_USER_ID = re.compile(r"<UserId>[^<]*</UserId>")
logger = logging.getLogger(__name__)


class Identity:
    """Thread-safe; asks LocalStack at most once for each account and key."""

    def __init__(self, clients: Clients, region: str, roles: tuple[str, ...] = ()) -> None:
        self._clients = clients
        self._region = region
        self._listed = roles
        """Execution roles that each account has beside harness's own."""
        self._roles: dict[str, str] = {}
        """Account -> id of its execution role."""
        self._accounts: dict[str, str | None] = {}
        self._lock = threading.Lock()

    def ensure_role(self, account: str) -> str:
        """Its id. Once per account: a user may delete it."""
        with self._lock:
            found = self._roles.get(account)
            if found is None:
                for role in self._listed:
                    self._role(account, role)
                found = self._roles[account] = self._role(account, ROLE)
        return found

    def role_exists(self, account: str, role_arn: str) -> bool:
        self.ensure_role(account)
        iam = self._clients.get("iam", account, self._region)
        try:
            found = iam.get_role(RoleName=role_arn.rpartition("/")[2])
        except iam.exceptions.NoSuchEntityException:
            return False
        return bool(found["Role"]["Arn"] == role_arn)

    def account_of(self, access_key: str) -> str | None:
        """The account whose IAM or STS gave out this access key; None for keys that are not known."""
        if not access_key.startswith(GIVEN_OUT):
            return None
        if access_key not in self._accounts:
            client = self._clients.client("sts", (access_key, "any"), self._region)
            found = client.get_caller_identity()
            self._accounts[access_key] = None if found["Arn"].endswith(":root") else str(found["Account"])
        return self._accounts[access_key]

    def as_session(self, document: bytes) -> bytes:
        """GetCallerIdentity's answer, with an account's root taken for a session of its execution role."""
        text = document.decode()
        root = _ROOT.search(text)
        if root is None:
            return document
        partition, account = root.groups()
        arn = f"arn:{partition}:sts::{account}:assumed-role/{ROLE}/{SESSION}"
        text = text.replace(root[0], f"<Arn>{arn}</Arn>")
        return _USER_ID.sub(f"<UserId>{self.ensure_role(account)}:{SESSION}</UserId>", text).encode()

    def in_account(self, authorization: str, account: str) -> str:
        """The Authorization header with the account in the place of a key that nobody gave out: LocalStack takes the
        account from the key. It does not look at the signature."""
        found = _CREDENTIAL.search(authorization)
        if found is None or found[2] == account or self._accounts.get(found[2]) is not None:
            return authorization
        return _CREDENTIAL.sub(rf"\g<1>{account}", authorization)

    def forget(self) -> None:
        with self._lock:
            self._roles.clear()
            self._accounts.clear()

    def _role(self, account: str, role: str) -> str:
        """The id of a role, which is made if there is none; ``role`` is a name, or a path and a name."""
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
