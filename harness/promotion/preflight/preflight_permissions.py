"""What the look at the account before a run needs beside the run itself: optional, for without it less is checked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.promotion.destination import Destination
from harness.promotion.plan import RunPlan
from harness.promotion.preflight.actions import Need, Where, key_arn, repositories
from harness.promotion.preflight.closed_services import LOOKS, uses_closed_services


def look_needs(plans: Sequence[RunPlan], destination: Destination, where: Where, caller: str) -> list[Need]:
    """``caller`` is the ARN of whoever starts the run, as STS tells it."""
    return sorted(_needs(plans, destination, where, caller), key=lambda need: need.sid)


def _needs(plans: Sequence[RunPlan], destination: Destination, where: Where, caller: str) -> Iterator[Need]:
    role = destination.role_arn(where.partition)
    kind, _, rest = caller.rpartition(":")[2].partition("/")
    roles = [role]
    if kind == "assumed-role":  # IAM knows its role, wherever in the tree of paths that is
        roles.append(f"arn:{where.partition}:iam::{where.account}:role/*{rest.partition('/')[0]}")
    principals = roles if kind != "user" else [role, caller]
    yield Need("LookAtRoles", ("iam:GetRole",), tuple(roles))
    yield Need("LookAtPermissions", ("iam:SimulatePrincipalPolicy",), tuple(principals))
    images = {image for plan in plans for planned in plan.resources for image in planned.images}
    if images:
        yield Need("LookAtImages", ("ecr:BatchGetImage", "ecr:DescribeImages"), repositories(images, where))
    if uses_closed_services(plans):
        yield Need("LookAtMonitoring", LOOKS)
    yield Need("LookAtQuotas", ("servicequotas:ListServiceQuotas",))
    yield Need("LookAtBucket", ("s3:GetBucketLocation", "s3:ListBucket"), (where.bucket(destination.default_bucket),))
    if destination.subnets:
        yield Need("LookAtNetwork", ("ec2:DescribeSecurityGroups", "ec2:DescribeSubnets"))
    if destination.kms:
        keys = tuple(sorted({key_arn(key, where) for key in destination.kms.values()}))
        yield Need("LookAtKeys", ("kms:DescribeKey",), keys)
