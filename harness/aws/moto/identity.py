"""Execution roles, GetCallerIdentity and policy simulation, on moto's IAM and STS.

Uses the internals of moto's STS and IAM back ends. All calls hold moto's lock.
"""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape

from moto.utilities.utils import get_partition

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
from harness.aws.wire.error_responses import Refusal
from harness.kernel.policy_evaluation import Decision, decide, statements_of

iam: Any = importlib.import_module("moto.iam.models")
sts: Any = importlib.import_module("moto.sts.models")
managed: Any = importlib.import_module("moto.iam.aws_managed_policies")

MANAGED_ARN = re.compile(r"arn:aws:iam::aws:policy/((?:[\w+=,.@-]+/)*)([\w+=,.@-]+)")


class Caller(sts.STSBackend):  # type: ignore[misc]
    """STS that treats credentials that moto did not issue as a session of the execution role."""

    def get_caller_identity(self, access_key_id: str, region: str) -> tuple[str, str, str]:
        user_id, arn, account = super().get_caller_identity(access_key_id, region)
        if not arn.endswith(":user/moto"):
            return user_id, arn, account
        role = ensure_role(self.account_id, region)
        arn = f"arn:{get_partition(region)}:sts::{self.account_id}:assumed-role/{role.name}/{SESSION}"
        return f"{role.id}:{SESSION}", arn, self.account_id


def install() -> None:
    sts.sts_backends.backend = Caller
    drop_texts()


def backend(account: str, region: str = "us-east-1") -> Any:
    return iam.iam_backends[account][get_partition(region)]


def ensure_role(account: str, region: str = "us-east-1", role: str = ROLE) -> Any:
    """Return an execution role of the account. Create it if it does not exist or was deleted.

    ``role`` is a name, or a path and a name.
    """
    accounts = backend(account, region)
    path, _, name = f"/{role}".rpartition("/")
    for existing in accounts.roles.values():
        if existing.name == name:
            return existing
    return _make_role(accounts, name, f"{path}/")


def _make_role(accounts: Any, name: str, path: str) -> Any:
    role = accounts.create_role(
        role_name=name,
        assume_role_policy_document=json.dumps(TRUST),
        path=path,
        permissions_boundary=None,
        description=DESCRIPTION,
        tags=[],
        max_session_duration=str(LONGEST_SESSION),
    )
    role.put_policy(INLINE_POLICY, json.dumps(PERMISSIONS))
    ensure_managed_policies(accounts.account_id, MANAGED_POLICY)
    accounts.attach_role_policy(MANAGED_POLICY, name)
    return role


def ensure_managed_policies(account: str, text: str) -> bool:
    """Add the AWS managed policies that ``text`` names to the account. Return True if any was added.

    Only these are loaded, because all managed policies together use much memory.
    """
    accounts = backend(account)
    missing = {
        existing[0]: existing for existing in MANAGED_ARN.finditer(text) if existing[0] not in accounts.managed_policies
    }
    if not missing:
        return False
    texts = importlib.reload(managed).aws_managed_policies_data
    for arn, existing in missing.items():
        policy = _find_policy(texts, existing[2])
        if policy is not None and policy.get("Path", "/") == f"/{existing[1]}":
            accounts.managed_policies[arn] = iam.AWSManagedPolicy.from_data(
                existing[2], accounts.account_id, accounts.region_name, policy
            )
    drop_texts()
    return True


def drop_texts() -> None:
    """Drop the 5 MB of text of all managed policies. They are read from moto's module again when needed."""
    if not iam.load_iam_aws_managed_policies():
        managed.aws_managed_policies_data = iam.aws_managed_policies_data = ""


def _find_policy(texts: str, name: str) -> dict[str, Any] | None:
    """Return one policy from the text of all. Parsing the whole text would take some 50 MB."""
    at = texts.find(f'\n "{name}":{{')
    if at < 0:
        return None
    existing: dict[str, Any] = json.JSONDecoder().raw_decode(texts, texts.index("{", at))[0]
    return existing


def role_exists(account: str, role_arn: str) -> bool:
    ensure_role(account)
    try:
        backend(account).get_role_by_arn(role_arn)
    except iam.NotFoundException:
        return False
    return True


def account_of(access_key: str) -> str | None:
    for account, accounts in list(iam.iam_backends.items()):
        if any(access_key in one.access_keys for one in accounts.values()):
            return str(account)
    return None


def secret_of(access_key: str) -> str | None:
    for accounts in list(iam.iam_backends.values()):
        for one in accounts.values():
            if access_key in one.access_keys:
                return str(one.access_keys[access_key].secret_access_key)
    return None


def simulate(account: str, form: Mapping[str, list[str]]) -> str:
    """Answer SimulatePrincipalPolicy by the principal's attached and inline policies and its permissions boundary."""
    source = form.get("PolicySourceArn", [""])[0]
    actions = _members(form, "ActionNames")
    resources = _members(form, "ResourceArns") or ["*"]
    principal = _principal(account, source)
    found, boundary, context = _statements(principal), _boundary(account, principal), _context(form)
    results = [
        _result(action, resource, decide(found, action, resource, context, boundary))
        for action in actions
        for resource in resources
    ]
    return (
        '<SimulatePrincipalPolicyResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><SimulatePrincipalPolicyResult>'
        f"<IsTruncated>false</IsTruncated><EvaluationResults>{''.join(results)}</EvaluationResults>"
        "</SimulatePrincipalPolicyResult><ResponseMetadata><RequestId>"
        "7a62c49f-347e-4fc4-9331-6e8eEXAMPLE</RequestId></ResponseMetadata></SimulatePrincipalPolicyResponse>"
    )


def _members(form: Mapping[str, list[str]], name: str) -> list[str]:
    prefix = f"{name}.member."
    return [form[key][0] for key in sorted(form, key=_index) if key.startswith(prefix)]


def _index(key: str) -> int:
    last = key.rpartition(".")[2]
    return int(last) if last.isdigit() else 0


def _context(form: Mapping[str, list[str]]) -> dict[str, str]:
    """Return the context entries of the request, the first value of each."""
    names = [key for key in form if key.startswith("ContextEntries.member.") and key.endswith(".ContextKeyName")]
    return {form[name][0]: form.get(f"{name.removesuffix('Name')}Values.member.1", [""])[0] for name in names}


def _statements(principal: Any) -> list[Mapping[str, Any]]:
    documents = [*principal.policies.values()]
    documents += [_default_document(policy) for policy in principal.managed_policies.values()]
    return [statement for document in documents for statement in statements_of(_parse_document(document))]


def _boundary(account: str, principal: Any) -> list[Mapping[str, Any]] | None:
    arn = getattr(principal, "permissions_boundary_arn", None)
    if not arn:
        return None
    return statements_of(_parse_document(_default_document(backend(account).get_policy(arn))))


def _default_document(policy: Any) -> Any:
    return next(version.document for version in policy.versions if version.is_default)


def _parse_document(document: Any) -> Mapping[str, Any]:
    parsed: Mapping[str, Any] = json.loads(document) if isinstance(document, str) else document
    return parsed


def _principal(account: str, source: str) -> Any:
    try:
        if ":user/" in source:
            return backend(account).get_user(source.rpartition("/")[2])
        return backend(account).get_role_by_arn(source)
    except (iam.NotFoundException, iam.NoSuchEntity):
        raise Refusal(404, "NoSuchEntity", f"The principal {source} cannot be found.") from None


def _result(action: str, resource: str, decision: Decision) -> str:
    missing = "".join(f"<member>{escape(key)}</member>" for key in decision.missing)
    return (
        f"<member><EvalActionName>{escape(action)}</EvalActionName>"
        f"<EvalResourceName>{escape(resource)}</EvalResourceName><EvalDecision>{decision.outcome}</EvalDecision>"
        f"<MissingContextValues>{missing}</MissingContextValues></member>"
    )
