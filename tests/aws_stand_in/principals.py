"""The people and roles of the account: whose a request is, what they may do, and what STS and IAM tell of them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from tests.aws_stand_in.configuration import Configuration
from tests.aws_stand_in.iam import ALLOWED, Identity, refusal, trust_policy
from tests.aws_stand_in.names import Host, demands
from tests.aws_stand_in.refusals import Refused, access_denied, credential_trouble
from tests.aws_stand_in.sigv4 import BadSignature, Sent, check_signature, read_signature

SAGEMAKER = "sagemaker.amazonaws.com"
_ROLE_MEMBERS = ("RoleArn", "ExecutionRoleArn")
_HOLDERS = ("RoleName", "UserName", "GroupName")


class Principals:
    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        account = configuration.account
        self._users = {arn: self._identity(arn, policies) for arn, policies in configuration.users.items()}
        self._roles = {
            name: self._identity(
                f"arn:aws:iam::{account}:role/{name}", role.get("policies", ()), role.get("trusts", ())
            )
            for name, role in configuration.roles.items()
        }
        self._unseen = {name: int(role.get("lag", 0)) for name, role in configuration.roles.items()}

    def _identity(self, arn: str, policies: Sequence[Any], trusts: Sequence[str] | None = None) -> Identity:
        managed = self._configuration.managed
        more = self._configuration.attached.get(arn.rpartition("/")[2], {})
        boundary = more.get("boundary")
        return Identity(
            arn,
            policies,
            trusts,
            {policy: managed[policy] for policy in more.get("policies", ())},
            more.get("groups", {}),
            (boundary, managed[boundary]) if boundary else None,
        )

    def authenticate(self, host: Host, protocol: str, sent: Sent) -> str:
        """The ARN of whose request it is; ``Refused`` when the signature does not prove that."""
        try:
            signature = read_signature(sent)
            key = self._configuration.keys.get(signature.key_id)
            if key is None:
                raise BadSignature("unknown")
            if (signature.region, signature.service) != (host.region, host.signing):
                raise BadSignature("incomplete", f"Credential should be scoped to {host.region}/{host.signing}")
            check_signature(sent, signature, key["secret"])
            if key.get("token", "") != signature.token:
                raise BadSignature("unknown")
            if key.get("expires") is not None and time.time() > key["expires"]:
                raise BadSignature("expired")
        except BadSignature as bad:
            told = "" if str(bad) == bad.kind else str(bad)
            raise credential_trouble(protocol, bad.kind, told) from None
        return str(key["arn"])

    def authorize(self, host: Host, protocol: str, arn: str, operation: str, asked: Mapping[str, Any]) -> None:
        context = {"aws:RequestedRegion": host.region, "aws:PrincipalArn": arn}
        context |= {f"aws:RequestTag/{tag['Key']}": tag["Value"] for tag in asked.get("Tags", ()) if "Key" in tag}
        for action, resource in demands(host, self._configuration.account, operation, asked):
            self._demand(protocol, arn, action, resource, context)
        if host.service == "sagemaker":
            for role in _roles(asked):
                self._demand(protocol, arn, "iam:PassRole", role, {**context, "iam:PassedToService": SAGEMAKER})
                self._assumable(role)

    def _demand(self, protocol: str, arn: str, action: str, resource: str, context: Mapping[str, str]) -> None:
        decision = self._users[arn].decide(action, resource, context)
        if decision.outcome != ALLOWED:
            raise access_denied(protocol, refusal(arn, action, resource, decision))

    def _assumable(self, arn: str) -> None:
        role = self._role(arn.rpartition("/")[2])
        if role is None or role.arn != arn or SAGEMAKER not in (role.trusts or ()):
            raise Refused(
                "ValidationException",
                f"Could not assume role {arn}. Please ensure that the role exists and allows principal "
                f"'{SAGEMAKER}' to assume the role.",
            )

    def readable_model(self, asked: Mapping[str, Any]) -> None:
        """The role of a model must be allowed to read its data."""
        role = self._roles[asked["ExecutionRoleArn"].rpartition("/")[2]]
        for container in (asked.get("PrimaryContainer", {}), *asked.get("Containers", ())):
            address = container.get("ModelDataUrl", "")
            where = f"arn:aws:s3:::{address.removeprefix('s3://')}"
            if address and role.decide("s3:GetObject", where, {}).outcome != ALLOWED:
                raise Refused(
                    "ValidationException",
                    f'Could not access model data at {address}. Please ensure that the role "{role.arn}" exists and '
                    'that its trust relationship policy allows the action "sts:AssumeRole" for the service principal '
                    f'"{SAGEMAKER}". Also ensure that the role has "s3:GetObject" permissions and that the object is '
                    f"located in {self._configuration.region}.",
                )

    def _role(self, name: str) -> Identity | None:
        """A role that was just made is not seen at once."""
        left = self._unseen.get(name, 0)
        self._unseen[name] = max(0, left - 1)
        return None if left else self._roles.get(name)

    def identity(self, arn: str) -> dict[str, Any]:
        """What STS tells of it."""
        return {"Arn": arn, "UserId": "AIDACKCEVSQ6C2EXAMPLE", "Account": arn.split(":")[4]}

    def told(self, operation: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        """What IAM answers."""
        if operation == "GetRole":
            role = self._role(asked["RoleName"])
            if role is None:
                raise Refused("NoSuchEntity", f"The role with name {asked['RoleName']} cannot be found.", 404)
            return {"Role": _described(role)}
        if operation == "SimulatePrincipalPolicy":
            return self._simulated(asked)
        return self._read(operation, asked)

    def _read(self, operation: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        """What is written into a user, role or group, what is attached to it, and the documents."""
        if operation in ("GetPolicy", "GetPolicyVersion"):
            document = quote(json.dumps(self._configuration.managed[asked["PolicyArn"]]))
            return {"Policy": {"DefaultVersionId": "v1"}, "PolicyVersion": {"VersionId": "v1", "Document": document}}
        if "GroupName" in asked:
            groups = [group for user in self._users.values() for group in user.groups.items()]
            holder, within, attached = None, dict(groups)[asked["GroupName"]], ()
        else:
            holder = self._holder(asked)
            within, attached = holder.policies, tuple(holder.managed)
        documents = {f"policy-{number}": document for number, document in enumerate(within, 1)}
        kind, name = next((member, asked[member]) for member in _HOLDERS if member in asked)
        match operation:
            case "ListRolePolicies" | "ListUserPolicies" | "ListGroupPolicies":
                return {"PolicyNames": list(documents), "IsTruncated": False}
            case "ListAttachedRolePolicies" | "ListAttachedUserPolicies" | "ListAttachedGroupPolicies":
                named = [{"PolicyArn": arn, "PolicyName": arn.rpartition("/")[2]} for arn in attached]
                return {"AttachedPolicies": named, "IsTruncated": False}
            case "ListGroupsForUser" if holder:
                return {"Groups": [{"GroupName": group} for group in holder.groups], "IsTruncated": False}
            case "GetUser" if holder:
                return {"User": {"UserName": name, "Arn": holder.arn, **_limit(holder)}}
            case "GetRolePolicy" | "GetUserPolicy" | "GetGroupPolicy" if asked["PolicyName"] in documents:
                told = quote(json.dumps(documents[asked["PolicyName"]]))
                return {kind: name, "PolicyName": asked["PolicyName"], "PolicyDocument": told}
        raise Refused("NoSuchEntity", f"the stand-in has nothing for {operation}", 404)

    def _holder(self, asked: Mapping[str, Any]) -> Identity:
        name = asked.get("RoleName") or asked.get("UserName")
        holders = self._roles.values() if "RoleName" in asked else self._users.values()
        holder = next((each for each in holders if each.name == name), None)
        if holder is None:
            raise Refused("NoSuchEntity", f"The role or user with name {name} cannot be found.", 404)
        return holder

    def _simulated(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        arn = asked["PolicySourceArn"]
        known = {**self._users, **{role.arn: role for role in self._roles.values()}}
        if arn not in known:
            raise Refused("NoSuchEntity", f"No entity has the ARN {arn}.", 404)
        context = {entry["ContextKeyName"]: entry["ContextKeyValues"][0] for entry in asked.get("ContextEntries", ())}
        results = []
        for action in asked["ActionNames"]:
            for resource in asked.get("ResourceArns", ["*"]):
                decision = known[arn].decide(action, resource, context)
                results.append(
                    {
                        "EvalActionName": action,
                        "EvalResourceName": resource,
                        "EvalDecision": decision.outcome,
                        "MatchedStatements": [],
                        "MissingContextValues": list(decision.missing),
                    }
                )
        return {"EvaluationResults": results, "IsTruncated": False}


def _roles(request: Any) -> Iterator[str]:
    if isinstance(request, list):
        for each in request:
            yield from _roles(each)
    elif isinstance(request, Mapping):
        for member, value in request.items():
            if member in _ROLE_MEMBERS and isinstance(value, str):
                yield value
            else:
                yield from _roles(value)


def _described(role: Identity) -> dict[str, Any]:
    return {
        "Path": "/",
        "RoleName": role.name,
        "RoleId": "AROACKCEVSQ6C2EXAMPLE",
        "Arn": role.arn,
        "CreateDate": "2026-01-01T00:00:00Z",
        "AssumeRolePolicyDocument": quote(json.dumps(trust_policy(role.trusts or ()))),
        "MaxSessionDuration": 3600,
        **_limit(role),
    }


def _limit(holder: Identity) -> dict[str, Any]:
    if holder.boundary is None:
        return {}
    told = {"PermissionsBoundaryType": "PermissionsBoundaryPolicy", "PermissionsBoundaryArn": holder.boundary[0]}
    return {"PermissionsBoundary": told}
