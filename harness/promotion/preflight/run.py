"""All preflight checks of a run: they run side by side and report in a fixed order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from harness.promotion.account import Account
from harness.promotion.destination import SCHEDULE, Destination
from harness.promotion.plan import RunPlan
from harness.promotion.preflight.actions import ArnScope, caller_needs, policy, role_needs
from harness.promotion.preflight.bucket_network_keys import check_bucket, check_keys, check_network
from harness.promotion.preflight.closed_services import LOOKS, check_closed_services
from harness.promotion.preflight.findings import FAILURE, OK, UNCHECKED, WARNING, Check, Finding, run_check
from harness.promotion.preflight.images import check_images
from harness.promotion.preflight.names import check_names
from harness.promotion.preflight.permissions import check_caller, check_role
from harness.promotion.preflight.preflight_permissions import preflight_needs
from harness.promotion.preflight.quotas import check_quotas

_CLIENTS = ("iam", "s3", "ecr", "sagemaker", "service-quotas", "ec2", "kms")


@dataclass(frozen=True)
class Preflight:
    """Findings of all checks, and minimal policies for the "caller", the "role" and "preflight" itself."""

    findings: tuple[Finding, ...]
    policies: dict[str, Any]

    @property
    def failures(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.state == FAILURE]


def preflight(account: Account, destination: Destination, plans: Sequence[RunPlan]) -> Preflight:
    """Run all checks; they change nothing on AWS. An error for expired credentials is raised to the caller."""
    scope = ArnScope(account.partition, account.id, account.region)
    caller, role = caller_needs(plans, destination, scope), role_needs(plans, destination, scope)
    for service in _CLIENTS:  # creating boto3 clients is not thread-safe
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
        futures = [pool.submit(_run, *check) for check in checks]
        findings = [finding for future in futures for finding in future.result()]
    first = Finding("credentials", OK, f"{account.arn}, account {account.id}, {account.region}")
    findings = [first, *findings, *_slow_steps(plans, destination), *_incomplete_plans(plans)]
    extra = preflight_needs(plans, destination, scope, account.arn)
    return Preflight(tuple(findings), {"caller": policy(caller), "role": policy(role), "preflight": policy(extra)})


def _run(topic: str, needs: str, check: Check) -> list[Finding]:
    return list(run_check(topic, needs, check))


def _slow_steps(plans: Iterable[RunPlan], destination: Destination) -> Iterator[Finding]:
    for plan in plans:
        for planned in plan.resources:
            if planned.kind != "MonitoringSchedule":
                continue
            step = f"{plan.scenario}, step {planned.step!r}"
            if destination.monitoring == SCHEDULE:
                yield Finding(
                    "slow step",
                    WARNING,
                    f"{step}: AWS runs a schedule at the full hour, up to 20 minutes late; each hour that the scenario "
                    "advances the clock takes an hour, and its endpoint runs meanwhile",
                    'monitoring = "one-off" in the profile runs the analyzer at once',
                )
            else:
                yield Finding(
                    "slow step",
                    WARNING,
                    f"{step}: AWS runs a schedule once an hour at most, so each hour that the scenario advances the "
                    "clock is one processing job of the analyzer, which takes some minutes",
                    'monitoring = "schedule" in the profile waits for AWS\'s own schedule',
                )


def _incomplete_plans(plans: Iterable[RunPlan]) -> Iterator[Finding]:
    for plan in plans:
        if plan.learned_from is None:
            message = f"{plan.scenario} has not passed here yet: its machines, images and calls are not known"
        elif not plan.calls:
            message = (
                f"the last run of {plan.scenario} did not record its calls: the usual calls of the SDKs were checked"
            )
        else:
            continue
        yield Finding("plan", UNCHECKED, message, f"run it once with `{plan.rehearsal}`, which costs nothing")
