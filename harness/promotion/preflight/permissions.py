"""Preflight checks of the execution role and of the caller: they exist and have the permissions that the run needs.

IAM's policy simulation is used if the caller may call it; otherwise the policies are read and evaluated here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from harness.kernel.policy_evaluation import DENIED, NOT_JUDGED, UNSURE, Policies, as_list
from harness.promotion.account import Account, credentials_expired
from harness.promotion.destination import Destination
from harness.promotion.preflight.actions import PASSED_TO, Need
from harness.promotion.preflight.findings import FAILURE, OK, UNCHECKED, WARNING, Finding, code
from harness.promotion.preflight.policy_reader import READS, read_policies

SAGEMAKER = PASSED_TO["iam:PassedToService"]
_SHOWN = 12
_CHECKED_BY = (
    f"allow iam:SimulatePrincipalPolicy, or {READS}, to have it checked; `harness plan --policy FILE` writes what is "
    "needed"
)
_UNSURE = "its policies have conditions that depend on the request itself; review them, or start the run and see"

Verdict = tuple[str, str, str]
"""Action, resource, and the decision on them."""


def check_role(account: Account, destination: Destination, needs: Iterable[Need]) -> Iterator[Finding]:
    """Yield findings on the execution role: its ARN, its trust policy, then its permissions."""
    from botocore.exceptions import ClientError

    arn = destination.role_arn(account.partition)
    name = arn.rpartition("/")[2]
    try:
        role = account.client("iam").get_role(RoleName=name)["Role"]
    except ClientError as error:
        if code(error) == "NoSuchEntity":
            yield Finding(
                "role",
                FAILURE,
                f"{arn} does not exist",
                f"create it (`aws iam create-role --role-name {name}`) with a trust policy for {SAGEMAKER}, or correct "
                "role in the profile",
            )
            return
        if credentials_expired(error):
            raise
        yield Finding("role", UNCHECKED, f"{arn}: AWS answered {code(error)}", "allow iam:GetRole to have it checked")
    else:
        if role["Arn"] != arn:  # SageMaker requires the complete ARN, with the role's path
            remedy = f'set role = "{role["Arn"]}" in the profile'
            yield Finding("role", FAILURE, f"there is no {arn}, but {role['Arn']}", remedy)
            return
        yield _check_trust(arn, role["AssumeRolePolicyDocument"])
    yield from _check_permissions(account, "role permissions", arn, needs)


def check_caller(account: Account, needs: Iterable[Need]) -> Iterator[Finding]:
    from botocore.exceptions import ClientError

    topic = "caller permissions"
    if account.arn.endswith(":root"):
        yield Finding(topic, WARNING, "the root user may do everything", "use a role or a user made for this purpose")
        return
    try:
        principal = _principal(account)
    except ClientError as error:
        if credentials_expired(error):
            raise
        remedy = "allow iam:GetRole to have it checked"
        yield Finding(topic, UNCHECKED, f"{account.arn}: AWS answered {code(error)}", remedy)
        return
    yield from _check_permissions(account, topic, principal, needs)


def _check_trust(arn: str, document: Mapping[str, Any]) -> Finding:
    for statement in as_list(document.get("Statement", [])):
        principal = statement.get("Principal", {})
        services = ["*"] if principal == "*" else as_list(principal.get("Service", []))
        actions = [action.lower() for action in as_list(statement.get("Action", []))]
        trusted = SAGEMAKER in services or "*" in services
        if statement.get("Effect") == "Allow" and trusted and {"sts:assumerole", "sts:*", "*"} & set(actions):
            return Finding("role", OK, f"{arn} exists, and SageMaker may assume it")
    return Finding(
        "role",
        FAILURE,
        f"{arn} does not let SageMaker assume it",
        f'add to its trust policy: {{"Effect": "Allow", "Principal": {{"Service": "{SAGEMAKER}"}}, '
        '"Action": "sts:AssumeRole"}',
    )


def _principal(account: Account) -> str:
    """Return the ARN of the caller's role or user, as IAM's simulation requires it.

    A session's ARN contains the name of its role, but not the role's path, so the role is looked up.
    """
    kind, _, rest = account.arn.rpartition(":")[2].partition("/")
    if kind != "assumed-role":
        return account.arn
    return str(account.client("iam").get_role(RoleName=rest.partition("/")[0])["Role"]["Arn"])


def _check_permissions(account: Account, topic: str, arn: str, needs: Iterable[Need]) -> Iterator[Finding]:
    from botocore.exceptions import BotoCoreError, ClientError

    needs = list(needs)
    iam = account.client("iam")
    try:
        yield _summarise(topic, arn, "as IAM simulates it", _simulate(iam, arn, needs, account.region))
        return
    except (BotoCoreError, ClientError) as error:
        if credentials_expired(error):
            raise
        refusal = code(error)
    try:
        policies = read_policies(iam, arn)
    except BotoCoreError as error:
        message = f"{arn}: AWS answered {refusal} to a simulation and {code(error)} to reading its policies"
        yield Finding(topic, UNCHECKED, message, _CHECKED_BY)
        return
    how = f"by its policies, as IAM answered {refusal} to a simulation; {NOT_JUDGED}"
    if policies.unread:
        how += f"; AWS did not show: {', '.join(policies.unread)}"
    yield _summarise(topic, arn, how, _evaluate(policies, arn, needs, account.region))


def _simulate(iam: Any, arn: str, needs: Iterable[Need], region: str) -> Iterator[Verdict]:
    """Yield every action that IAM's simulation does not allow; "unsure" if the decision depends on missing context."""
    for need in needs:
        context = [
            {"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": "string"}
            for key, value in _known_context(need, region).items()
        ]
        pages = iam.get_paginator("simulate_principal_policy").paginate(
            PolicySourceArn=arn,
            ActionNames=list(need.actions),
            ResourceArns=list(need.resources),
            ContextEntries=context,
        )
        for page in pages:
            for result in page["EvaluationResults"]:
                for resource, decision, missing in _decisions(result):
                    if decision != "allowed":
                        yield result["EvalActionName"], resource, UNSURE if missing else DENIED


def _known_context(need: Need, region: str) -> dict[str, str]:
    """Return the condition keys of the requests whose values are known."""
    home = all(action.startswith("iam:") for action in need.actions)  # IAM is served in one region only
    return {**need.context, "aws:RequestedRegion": "us-east-1" if home else region, "aws:SecureTransport": "true"}


def _decisions(result: Mapping[str, Any]) -> list[tuple[str, str, list[str]]]:
    """Return (resource, decision, missing context keys), one for each resource of a simulation result."""
    several = result.get("ResourceSpecificResults") or ()
    return [
        (each["EvalResourceName"], each["EvalResourceDecision"], each.get("MissingContextValues", []))
        for each in several
    ] or [(result.get("EvalResourceName", "*"), result["EvalDecision"], result.get("MissingContextValues", []))]


def _evaluate(policies: Policies, arn: str, needs: Iterable[Need], region: str) -> list[Verdict]:
    whose = {"aws:PrincipalArn": arn, "aws:PrincipalAccount": arn.split(":")[4]}
    return [
        (action, resource, verdict)
        for need in needs
        for action in need.actions
        for resource in need.resources
        if (verdict := policies.evaluate(action, resource, {**_known_context(need, region), **whose}))
        in (DENIED, UNSURE)
    ]


def _summarise(topic: str, arn: str, how: str, verdicts: Iterable[Verdict]) -> Finding:
    verdicts = list(verdicts)
    denied = [(action, resource) for action, resource, verdict in verdicts if verdict == DENIED]
    unsure = [(action, resource) for action, resource, verdict in verdicts if verdict == UNSURE]
    if denied:
        remedy = "attach what `harness plan --policy FILE` writes"
        return Finding(topic, FAILURE, f"{arn} is not allowed {_describe_pairs(denied)} ({how})", remedy)
    if unsure:
        message = f"{arn}: it is not certain that it is allowed {_describe_pairs(unsure)} ({how})"
        return Finding(topic, UNCHECKED, message, _UNSURE if "simulates" in how else _CHECKED_BY)
    return Finding(topic, OK, f"{arn} is allowed what the run needs ({how})")


def _describe_pairs(pairs: list[tuple[str, str]]) -> str:
    """Return the pairs as text: each action once, with its first resource and the number of further ones."""
    by_action: dict[str, list[str]] = {}
    for action, resource in pairs:
        by_action.setdefault(action, []).append(resource)
    lines = [
        f"{action} on {resources[0]}" + (f" and {len(resources) - 1} more" if len(resources) > 1 else "")
        for action, resources in by_action.items()
    ]
    return ", ".join(lines[:_SHOWN]) + (f" and {len(lines) - _SHOWN} actions more" if len(lines) > _SHOWN else "")
