"""``Configuration``: what the account behind the stand-in is like, as one JSON document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

ALLOW_ALL: dict[str, Any] = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
}


@dataclass(frozen=True)
class Configuration:
    account: str = "123456789012"
    region: str = "us-east-1"
    keys: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Access key id -> ``secret``, ``arn`` of its principal; ``token`` and ``expires`` (epoch) of temporary ones."""
    users: Mapping[str, list[Any]] = field(default_factory=dict)
    """ARN of a user -> its policies."""
    roles: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Name of a role -> ``policies``, ``trusts`` (service principals), ``lag`` (uses before it is seen)."""
    managed: Mapping[str, Any] = field(default_factory=dict)
    """ARN of a managed policy -> its document."""
    attached: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Name of a user or role -> ``policies`` (ARNs), ``boundary`` (an ARN), ``groups`` (name -> its own policies)."""
    quotas: Mapping[str, float] = field(default_factory=dict)
    """Name of a quota as AWS has it -> its value, where it is not the default."""
    lag: Mapping[str, int] = field(default_factory=dict)
    """Operation -> reads after a creation that do not show it yet."""
    delays: Mapping[str, float] = field(default_factory=dict)
    """Kind of resource -> seconds before it leaves its first state, and before it is gone once deleted."""
    networks: Mapping[str, str] = field(default_factory=dict)
    """Subnet or security group -> its VPC."""
    encryption: Mapping[str, str] = field(default_factory=dict)
    """KMS key id -> its state."""
    others: Mapping[str, str] = field(default_factory=dict)
    """Bucket of somebody else -> its region."""
    throttle: int = 0
    """Every so-manieth request is throttled; 0 for none."""

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Configuration:
        unknown = set(document) - {each.name for each in fields(cls)}
        if unknown:
            raise ValueError(f"no setting of the stand-in: {', '.join(sorted(unknown))}")
        return cls(**document)


def ordinary(**changed: Any) -> dict[str, Any]:
    """An account as most are: a developer with keys, and a role for SageMaker that trusts it."""
    document = {
        "keys": {KEY: {"secret": SECRET, "arn": DEVELOPER}},
        "users": {DEVELOPER: [ALLOW_ALL]},
        "roles": {ROLE: {"policies": [ALLOW_ALL], "trusts": ["sagemaker.amazonaws.com"]}},
    }
    return {**document, **changed}


ACCOUNT, REGION, ROLE = "123456789012", "us-east-1", "Role"
DEVELOPER = f"arn:aws:iam::{ACCOUNT}:user/developer"
KEY, SECRET = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
"""The example of AWS's own documents: it opens nothing anywhere."""
