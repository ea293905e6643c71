"""The permissions that preflight needs beside those of the run. They are optional: without them less is checked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.promotion.destination import Destination
from harness.promotion.plan import RunPlan
from harness.promotion.preflight.actions import ArnScope, Need, key_arn, repositories
from harness.promotion.preflight.closed_services import LOOKS, uses_closed_services


def preflight_needs(plans: Sequence[RunPlan], destination: Destination, scope: ArnScope, caller: str) -> list[Need]:
    """Return the permissions of preflight; ``caller`` is the ARN that sts:GetCallerIdentity returns."""
    return sorted(_needs(plans, destination, scope, caller), key=lambda need: need.sid)


def _needs(plans: Sequence[RunPlan], destination: Destination, scope: ArnScope, caller: str) -> Iterator[Need]:
    role = destination.role_arn(scope.partition)
    kind, _, rest = caller.rpartition(":")[2].partition("/")
    roles = [role]
    if kind == "assumed-role":  # the ARN of the session does not contain the path of its role
        roles.append(f"arn:{scope.partition}:iam::{scope.account}:role/*{rest.partition('/')[0]}")
    principals = roles if kind != "user" else [role, caller]
    yield Need("LookAtRoles", ("iam:GetRole",), tuple(roles))
    yield Need("LookAtPermissions", ("iam:SimulatePrincipalPolicy",), tuple(principals))
    images = {image for plan in plans for planned in plan.resources for image in planned.images}
    if images:
        yield Need("LookAtImages", ("ecr:BatchGetImage", "ecr:DescribeImages"), repositories(images, scope))
    if uses_closed_services(plans):
        yield Need("LookAtMonitoring", LOOKS)
    yield Need("LookAtQuotas", ("servicequotas:ListServiceQuotas",))
    yield Need("LookAtBucket", ("s3:GetBucketLocation", "s3:ListBucket"), (scope.bucket(destination.default_bucket),))
    if destination.subnets:
        yield Need("LookAtNetwork", ("ec2:DescribeSecurityGroups", "ec2:DescribeSubnets"))
    if destination.kms:
        keys = tuple(sorted({key_arn(key, scope) for key in destination.kms.values()}))
        yield Need("LookAtKeys", ("kms:DescribeKey",), keys)
