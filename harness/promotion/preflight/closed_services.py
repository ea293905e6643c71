"""Parts of SageMaker that AWS has closed to new customers, when a run uses one of them.

AWS's documentation says that Model Monitor, Clarify and Debugger take no new customers since 30 July 2026; accounts
that used them before go on using them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from harness.contract.catalog import load_catalog
from harness.promotion.account import Account
from harness.promotion.plan import PlannedResource, RunPlan
from harness.promotion.preflight.findings import OK, WARNING, Finding

LOOKS = ("sagemaker:ListMonitoringExecutions", "sagemaker:ListMonitoringSchedules")
_REPOSITORIES = {
    **{repository: image.service for image in load_catalog() if image.service for repository in image.repositories},
    "sagemaker-clarify-processing": "Clarify",
    "sagemaker-debugger-rules": "Debugger",
}


def uses_closed_services(plans: Iterable[RunPlan]) -> list[str]:
    """Return the names of the closed services that the plans use, sorted."""
    return sorted({name for plan in plans for planned in plan.resources for name in _services(planned)})


def check_closed_services(account: Account, plans: Iterable[RunPlan]) -> Iterator[Finding]:
    """Warn when a plan uses a closed service and the account shows no sign of having used it before."""
    used = " and ".join(uses_closed_services(plans))
    if not used:
        return
    client = account.client("sagemaker")
    if (
        client.list_monitoring_schedules(MaxResults=1)["MonitoringScheduleSummaries"]
        or client.list_monitoring_executions(MaxResults=1)["MonitoringExecutionSummaries"]
    ):
        yield Finding("closed services", OK, f"the account has used monitoring before, so {used} should be open to it")
        return
    yield Finding(
        "closed services",
        WARNING,
        f"{used}: AWS closed Model Monitor, Clarify and Debugger to new customers on 30 July 2026, and the account has "
        "no monitoring schedule or execution yet",
        "ask AWS whether the account may still use it, or leave these steps out of the run on AWS",
    )


def _services(planned: PlannedResource) -> Iterator[str]:
    if planned.kind == "MonitoringSchedule":
        yield "Model Monitor"
    for image in planned.images:
        for repository, name in _REPOSITORIES.items():
            if f"/{repository}" in image:
                yield name
