"""Shows the plan of a run on AWS, compares its estimate with the budget, and asks for consent."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import click

from harness.kernel.errors import GuardRefused, StateError
from harness.profiles.scenarios import Scenario
from harness.profiles.target import CostLimit
from harness.promotion.account import Account, open_account
from harness.promotion.cost.estimate import DurationEstimate, estimator, find_unpriced, total
from harness.promotion.cost.prices import prices_of
from harness.promotion.destination import ONE_OFF, SCHEDULE, Destination
from harness.promotion.plan import RunPlan, make_plan
from harness.promotion.preflight.findings import OK
from harness.promotion.preflight.run import Preflight, preflight

_MONITORING = {
    ONE_OFF: "the analyzer runs at once, as a processing job, where a scenario waits for its schedule",
    SCHEDULE: "AWS's own schedule is waited for: an hour or more",
}


class Consent(Protocol):
    """The options of the command line by which a user consents."""

    @property
    def budget(self) -> float | None:
        """The most that the run may cost, in dollars."""

    @property
    def yes(self) -> bool:
        """True to go ahead without a question."""


def agree(
    destination: Destination, scenarios: Sequence[Scenario], consent: Consent, folders: tuple[Path, Path]
) -> CostLimit:
    """Return the limit of the run's cost; ``GuardRefused`` when a guard, or the user, refuses.

    ``folders`` are the state folder and the project's root.
    """
    state, root = folders
    account = open_account(destination)
    from harness.report.run_folders import run_folders

    earlier = run_folders(state)
    plans = [make_plan(each.name, each.file, earlier, destination) for each in scenarios]
    prices = prices_of(destination, destination.region, root)
    for line in _account_lines(account, destination):
        click.echo(line, err=True)
    for plan in plans:
        for line in plan_lines(plan, destination):
            click.echo(line, err=True)
    _require_fit(preflight(account, destination, plans), destination.name)
    _hold_against(consent.budget, plans, estimator(prices, destination))
    _ask_consent(consent.yes)
    return CostLimit(consent.budget, prices)


def _account_lines(account: Account, destination: Destination) -> list[str]:
    lines = [
        f"This runs on AWS account {account.id} in {account.region}, as {account.arn}, and costs money.",
        f"  role     {destination.role_arn(account.partition)}",
        f"  bucket   {destination.default_bucket}",
    ]
    elsewhere = account.client("sagemaker").meta.endpoint_url
    if not elsewhere.startswith(f"https://api.sagemaker.{account.region}."):
        lines.append(f"  address  {elsewhere} (AWS_ENDPOINT_URL or the AWS configuration says so)")
    if destination.subnets:
        lines.append(f"  network  {', '.join((*destination.subnets, *destination.security_groups))}")
    if destination.kms:
        lines.append(f"  keys     {', '.join(f'{use}: {key}' for use, key in destination.kms.items())}")
    if destination.spot:
        lines.append(f"  spot     {', '.join(destination.spot)}, waiting {destination.max_wait} s at most")
    if destination.tags:
        lines.append(f"  tags     {', '.join(f'{key}={value}' for key, value in destination.tags.items())}")
    limits = [f"{each}: {seconds} s" for each, seconds in destination.max_runtime.items()]
    lines.append(f"  limits   {', '.join([*limits, f'endpoints in service within: {destination.endpoint_timeout} s'])}")
    lines.append(f"  monitor  {_MONITORING[destination.monitoring]}")
    return lines


def plan_lines(plan: RunPlan, destination: Destination) -> list[str]:
    """Describe what a scenario will create."""
    lines = [f"{plan.scenario}:"]
    for step in plan.steps:
        lines.append(f"  {step}")
        lines += [f"    + {line}" for line in _list_created(plan, step)]
    lines += [f"  + {line}, outside every step" for line in _list_created(plan, None)]
    if plan.learned_from is None:
        lines.append(
            f"  what it creates is not known yet: run it once with `harness run {plan.scenario}`, which costs nothing"
        )
    unknown = plan.unknown_words(destination)
    if unknown:
        lines.append(f"  the profile also names {', '.join(map(repr, unknown))}, which no step or stage here is called")
    return lines


def _list_created(plan: RunPlan, step: str | None) -> list[str]:
    counted: dict[str, int] = {}
    for planned in plan.resources:
        if planned.step == step:
            machines = " + ".join(f"{each.count} x {each.instance_type}" for each in planned.machines)
            line = f"{planned.kind}{f' on {machines}' if machines else ''}"
            counted[line] = counted.get(line, 0) + 1
    return [line if count == 1 else f"{line}, {count} times" for line, count in counted.items()]


def _require_fit(result: Preflight, profile: str) -> None:
    """Show what is not ready on the account, and go no further on a failure."""
    for finding in result.findings:
        if finding.state != OK:
            click.echo(f"  {finding.state:<20} {finding}", err=True)
    if result.failures:
        count = len(result.failures)
        raise StateError(
            f"the account is not fit for this run ({count} failure{'' if count == 1 else 's'}, shown above), so "
            "nothing was created",
            f"fix them, then check again with `harness plan --profile {profile}`",
        )


def _hold_against(budget: float | None, plans: Sequence[RunPlan], estimate: DurationEstimate) -> None:
    """Show the estimate. With a budget, everything must be known and within it."""
    of_plans = f"prices of {estimate.prices.dated}, durations of the last run here"
    if budget is None:
        costs = [cost for plan in plans for cost in estimate.costs(plan)]
        if all(plan.learned_from for plan in plans):
            click.echo(f"Estimate: ${total(costs):.2f} ({of_plans})", err=True)
        if unknown := find_unpriced(costs):
            click.echo(f"  without {', '.join(unknown)}, which the price table does not know", err=True)
        return
    click.echo(f"Estimate: ${estimate.check_budget(budget, plans):.2f} ({of_plans})", err=True)


def _ask_consent(yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise GuardRefused("this would create the above on AWS, and nobody is here to agree", "say --yes")
    if not click.confirm("Go ahead?", err=True):
        raise GuardRefused("not agreed to, so nothing was created")
