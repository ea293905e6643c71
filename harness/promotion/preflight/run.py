"""All checks of a run, side by side, in one order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from harness.promotion.account import Account
from harness.promotion.destination import SCHEDULE, Destination
from harness.promotion.plan import RunPlan
from harness.promotion.preflight.actions import Where, caller_needs, policy, role_needs
from harness.promotion.preflight.bucket_network_keys import check_bucket, check_keys, check_network
from harness.promotion.preflight.closed_services import LOOKS, check_closed_services
from harness.promotion.preflight.findings import FAILURE, OK, UNCHECKED, WARNING, Check, Finding, answered
from harness.promotion.preflight.images import check_images
from harness.promotion.preflight.names import check_names
from harness.promotion.preflight.permissions import check_caller, check_role
from harness.promotion.preflight.preflight_permissions import look_needs
from harness.promotion.preflight.quotas import check_quotas

_CLIENTS = ("iam", "s3", "ecr", "sagemaker", "service-quotas", "ec2", "kms")


@dataclass(frozen=True)
class Preflight:
    """``policies`` are the least of "caller" and "role"; "preflight" lets the caller be told more."""

    findings: tuple[Finding, ...]
    policies: dict[str, Any]

    @property
    def failures(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.state == FAILURE]


def preflight(account: Account, destination: Destination, plans: Sequence[RunPlan]) -> Preflight:
    """Asks AWS and changes nothing. Credentials that have expired are the caller's to report."""
    where = Where(account.partition, account.id, account.region)
    caller, role = caller_needs(plans, destination, where), role_needs(plans, destination, where)
    for service in _CLIENTS:  # boto3 makes clients in one thread only
        account.client(service)
    checks: list[tuple[str, str, Check]] = [
        ("role", "iam:GetRole", lambda: check_role(account, destination, role)),
        ("caller permissions", "iam:SimulatePrincipalPolicy", lambda: check_caller(account, caller)),
        ("bucket", "s3:ListBucket", lambda: check_bucket(account, destination)),
        ("network", "ec2:DescribeSubnets and ec2:DescribeSecurityGroups", lambda: check_network(account, destination)),
        ("keys", "kms:DescribeKey", lambda: check_keys(account, destination)),
        ("images", "ecr:DescribeImages", lambda: check_images(account, plans)),
        ("quotas", "servicequotas:ListServiceQuotas", lambda: check_quotas(account, plans, destination)),
        ("names", "sagemaker:Describe*", lambda: check_names(account, plans)),
        ("closed services", " and ".join(LOOKS), lambda: check_closed_services(account, plans)),
    ]
    with ThreadPoolExecutor(len(checks)) as pool:
        asked = [pool.submit(_done, *check) for check in checks]
        found = [finding for each in asked for finding in each.result()]
    first = Finding("credentials", OK, f"{account.arn}, account {account.id}, {account.region}")
    findings = (first, *found, *_slow(plans, destination), *_unknown(plans))
    looks = look_needs(plans, destination, where, account.arn)
    return Preflight(findings, {"caller": policy(caller), "role": policy(role), "preflight": policy(looks)})


def _done(topic: str, needs: str, check: Check) -> list[Finding]:
    return list(answered(topic, needs, check))


def _slow(plans: Iterable[RunPlan], destination: Destination) -> Iterator[Finding]:
    for plan in plans:
        for planned in plan.resources:
            if planned.kind != "MonitoringSchedule":
                continue
            step = f"{plan.scenario}, step {planned.step!r}"
            if destination.monitoring == SCHEDULE:
                yield Finding(
                    "slow step",
                    WARNING,
                    f"{step}: AWS runs a schedule at the full hour, up to 20 minutes late; the run waits for each hour "
                    "that it lets pass, and its endpoint stands meanwhile",
                    'monitoring = "one-off" in the profile runs the analyzer at once',
                )
            else:
                yield Finding(
                    "slow step",
                    WARNING,
                    f"{step}: AWS runs a schedule once an hour at most, so each hour that the scenario lets pass is "
                    "one processing job of the analyzer, some minutes long",
                    'monitoring = "schedule" in the profile waits for AWS\'s own',
                )


def _unknown(plans: Iterable[RunPlan]) -> Iterator[Finding]:
    for plan in plans:
        if plan.learned_from is None:
            told = f"{plan.scenario} was never run to its end here: its machines, images and calls are not known"
        elif not plan.calls:
            told = f"the last run of {plan.scenario} did not record its calls: those usual for the SDKs were checked"
        else:
            continue
        yield Finding("plan", UNCHECKED, told, f"run it once with `{plan.rehearsal}`, which costs nothing")
