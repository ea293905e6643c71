"""The execution role and the caller: there, trusted, and allowed what the run needs; by simulation, else by reading."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from harness.kernel.policy_evaluation import DENIED, NOT_JUDGED, UNSURE, Policies, as_list
from harness.promotion.account import Account, stale
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
_UNSURE = "its policies have conditions that only the request itself meets or not; look at them, or go on and see"

Verdict = tuple[str, str, str]
"""Action, resource, and what was found of the two."""


def check_role(account: Account, destination: Destination, needs: Iterable[Need]) -> Iterator[Finding]:
    """Its name, its trust, then what it is allowed."""
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
        if stale(error):
            raise
        yield Finding("role", UNCHECKED, f"{arn}: AWS answered {code(error)}", "allow iam:GetRole to have it checked")
    else:
        if role["Arn"] != arn:  # a path is part of it, and SageMaker takes it only as it is
            remedy = f'say role = "{role["Arn"]}" in the profile'
            yield Finding("role", FAILURE, f"there is no {arn}, but {role['Arn']}", remedy)
            return
        yield _trust(arn, role["AssumeRolePolicyDocument"])
    yield from _allowed(account, "role permissions", arn, needs)


def check_caller(account: Account, needs: Iterable[Need]) -> Iterator[Finding]:
    from botocore.exceptions import ClientError

    topic = "caller permissions"
    if account.arn.endswith(":root"):
        yield Finding(topic, WARNING, "the root user may do everything", "use a role or a user made for this instead")
        return
    try:
        principal = _principal(account)
    except ClientError as error:
        if stale(error):
            raise
        remedy = "allow iam:GetRole to have it checked"
        yield Finding(topic, UNCHECKED, f"{account.arn}: AWS answered {code(error)}", remedy)
        return
    yield from _allowed(account, topic, principal, needs)


def _trust(arn: str, document: Mapping[str, Any]) -> Finding:
    for statement in as_list(document.get("Statement", [])):
        principal = statement.get("Principal", {})
        services = ["*"] if principal == "*" else as_list(principal.get("Service", []))
        actions = [action.lower() for action in as_list(statement.get("Action", []))]
        trusted = SAGEMAKER in services or "*" in services
        if statement.get("Effect") == "Allow" and trusted and {"sts:assumerole", "sts:*", "*"} & set(actions):
            return Finding("role", OK, f"{arn} is there, and SageMaker may assume it")
    return Finding(
        "role",
        FAILURE,
        f"{arn} does not let SageMaker assume it",
        f'add to its trust policy: {{"Effect": "Allow", "Principal": {{"Service": "{SAGEMAKER}"}}, '
        '"Action": "sts:AssumeRole"}',
    )


def _principal(account: Account) -> str:
    """IAM simulates roles and users. A session's ARN names its role, but not the role's path."""
    kind, _, rest = account.arn.rpartition(":")[2].partition("/")
    if kind != "assumed-role":
        return account.arn
    return str(account.client("iam").get_role(RoleName=rest.partition("/")[0])["Role"]["Arn"])


def _allowed(account: Account, topic: str, arn: str, needs: Iterable[Need]) -> Iterator[Finding]:
    from botocore.exceptions import BotoCoreError, ClientError

    needs = list(needs)
    iam = account.client("iam")
    try:
        yield _judgement(topic, arn, "as IAM simulates it", _simulated(iam, arn, needs, account.region))
        return
    except (BotoCoreError, ClientError) as error:
        if stale(error):
            raise
        refusal = code(error)
    try:
        policies = read_policies(iam, arn)
    except BotoCoreError as error:
        told = f"{arn}: AWS answered {refusal} to a simulation and {code(error)} to reading its policies"
        yield Finding(topic, UNCHECKED, told, _CHECKED_BY)
        return
    how = f"by its policies, as IAM answered {refusal} to a simulation; {NOT_JUDGED}"
    if policies.unread:
        how += f"; AWS did not show: {', '.join(policies.unread)}"
    yield _judgement(topic, arn, how, _read(policies, arn, needs, account.region))


def _simulated(iam: Any, arn: str, needs: Iterable[Need], region: str) -> Iterator[Verdict]:
    """Of what is not plainly allowed. A denial that hangs on what only the request itself will say is unsure."""
    for need in needs:
        context = [
            {"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": "string"}
            for key, value in _said(need, region).items()
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


def _said(need: Need, region: str) -> dict[str, str]:
    """What requests are known to say to policies."""
    home = all(action.startswith("iam:") for action in need.actions)  # IAM's one place
    return {**need.context, "aws:RequestedRegion": "us-east-1" if home else region, "aws:SecureTransport": "true"}


def _decisions(result: Mapping[str, Any]) -> list[tuple[str, str, list[str]]]:
    """Resource by resource, where several were asked about at once; with the context keys that nobody gave."""
    several = result.get("ResourceSpecificResults") or ()
    return [
        (each["EvalResourceName"], each["EvalResourceDecision"], each.get("MissingContextValues", []))
        for each in several
    ] or [(result.get("EvalResourceName", "*"), result["EvalDecision"], result.get("MissingContextValues", []))]


def _read(policies: Policies, arn: str, needs: Iterable[Need], region: str) -> list[Verdict]:
    whose = {"aws:PrincipalArn": arn, "aws:PrincipalAccount": arn.split(":")[4]}
    return [
        (action, resource, verdict)
        for need in needs
        for action in need.actions
        for resource in need.resources
        if (verdict := policies.evaluate(action, resource, {**_said(need, region), **whose})) in (DENIED, UNSURE)
    ]


def _judgement(topic: str, arn: str, how: str, verdicts: Iterable[Verdict]) -> Finding:
    verdicts = list(verdicts)
    denied = [(action, resource) for action, resource, verdict in verdicts if verdict == DENIED]
    unsure = [(action, resource) for action, resource, verdict in verdicts if verdict == UNSURE]
    if denied:
        remedy = "attach what `harness plan --policy FILE` writes"
        return Finding(topic, FAILURE, f"{arn} is not allowed {_some(denied)} ({how})", remedy)
    if unsure:
        told = f"{arn}: it cannot be known whether it is allowed {_some(unsure)} ({how})"
        return Finding(topic, UNCHECKED, told, _UNSURE if "simulates" in how else _CHECKED_BY)
    return Finding(topic, OK, f"{arn} is allowed what the run needs ({how})")


def _some(pairs: list[tuple[str, str]]) -> str:
    """By action; where it is denied on several things, one of them."""
    by_action: dict[str, list[str]] = {}
    for action, resource in pairs:
        by_action.setdefault(action, []).append(resource)
    told = [
        f"{action} on {resources[0]}" + (f" and {len(resources) - 1} more" if len(resources) > 1 else "")
        for action, resources in by_action.items()
    ]
    return ", ".join(told[:_SHOWN]) + (f" and {len(told) - _SHOWN} actions more" if len(told) > _SHOWN else "")
