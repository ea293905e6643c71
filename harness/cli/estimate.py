"""``harness estimate``: estimates the cost of scenarios on AWS by step; calls nothing but the price API."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from harness.cli import PASSED
from harness.cli.choices import choose_profile, choose_scenarios
from harness.cli.project import json_option, print_json, project_root, settings, state_option
from harness.kernel.errors import StateError
from harness.promotion.cost.estimate import Cost, estimator, require_priced, total
from harness.promotion.cost.prices import PriceTable, prices_of
from harness.promotion.destination import Destination
from harness.promotion.plan import RunPlan, make_plan
from harness.settings import Settings


@click.command("estimate")
@click.argument("scenarios", nargs=-1, metavar="[SCENARIO]...")
@click.option("--profile", help="A profile of kind aws (default: aws where harness.toml has it, else none).")
@click.option("--refresh", is_flag=True, help="Ask AWS's price API first, and keep its answers.")
@state_option
@json_option
def command(scenarios: tuple[str, ...], profile: str | None, refresh: bool, state: Path | None, as_json: bool) -> int:
    """Estimate what scenarios would cost on AWS.

    From the durations of their last runs here, what AWS adds to them, and a dated price table.
    """
    from harness.report.run_folders import run_folders

    root, in_force = project_root(), settings(state=state)
    destination = _destination(profile, root, in_force)
    chosen = choose_scenarios(root, scenarios)
    folders = run_folders(in_force.state)
    plans = [make_plan(each.name, each.file, folders, destination) for each in chosen]
    if never := [plan.scenario for plan in plans if plan.learned_from is None]:
        raise StateError(
            f"nothing is known of what {', '.join(never)} would cost: never run to the end here",
            f"run it once with `harness run {' '.join(never)}`, which costs nothing",
        )
    if refresh:
        _refresh(destination, in_force.region, plans)
    prices = prices_of(destination, in_force.region, root)
    estimates = [(plan, estimator(prices, destination).costs(plan)) for plan in plans]
    require_priced([cost for _, costs in estimates for cost in costs], prices)
    if as_json:
        print_json(_plain(estimates, prices))
    else:
        for line in _lines(estimates, prices, destination.region if destination else in_force.region):
            click.echo(line)
    return PASSED


def _destination(profile: str | None, root: Path, in_force: Settings) -> Destination | None:
    from harness.profiles.target import RunRequest
    from harness.settings import read_project

    if profile is None and "aws" not in read_project(root).profiles:
        return None
    return choose_profile(profile or "aws", RunRequest(in_force, root)).destination


def _refresh(destination: Destination | None, region: str, plans: Sequence[RunPlan]) -> None:
    import boto3
    from botocore.exceptions import BotoCoreError

    from harness.promotion.cost.refresh import refresh

    types = {machines.instance_type for plan in plans for each in plan.resources for machines in each.machines}
    try:
        session = boto3.Session(profile_name=(destination.aws_profile or None) if destination else None)
    except BotoCoreError as error:
        raise StateError(f"the price API cannot be asked: {error}") from error
    file = refresh(session, destination.region if destination else region, sorted(types))
    click.echo(f"kept in {file}", err=True)


def _lines(estimates: Sequence[tuple[RunPlan, list[Cost]]], prices: PriceTable, region: str) -> list[str]:
    lines = []
    for plan, costs in estimates:
        lines.append(f"{plan.scenario}: ${total(costs):.2f}, by the durations of {plan.learned_from}")
        for step in dict.fromkeys(cost.step for cost in costs):
            lines.append(f"  {step or 'outside every step'}")
            lines += [f"    {_line(cost)}" for cost in costs if cost.step == step]
    if len(estimates) > 1:
        lines.append(f"in all: ${sum(total(costs) for _, costs in estimates):.2f}")
    lines.append(f"prices of {prices.dated}: {prices.source}")
    if prices.region and prices.region != region:
        lines.append(f"  they are of {prices.region}, not of {region}: `harness estimate --refresh` asks for its own")
    used = {cost.instance_type for _, costs in estimates for cost in costs}
    lines += [f"  of {confidence} confidence: {name}" for name, confidence in prices.confidence.items() if name in used]
    lines += [f"not counted: {remark}" for remark in prices.remarks.get("not_counted", ())]
    lines += [f"free tier, not subtracted: {remark}" for remark in prices.remarks.get("free_tier", ())]
    return lines


def _line(cost: Cost) -> str:
    machines = f"{cost.count} x {cost.instance_type}"
    return f"{cost.kind:<19} {machines:<20} {cost.seconds:>7.0f} s  ${cost.dollars or 0.0:.4f}"


def _plain(estimates: Sequence[tuple[RunPlan, list[Cost]]], prices: PriceTable) -> dict[str, Any]:
    return {
        "total": sum(total(costs) for _, costs in estimates),
        "prices_of": prices.dated,
        "source": prices.source,
        "region": prices.region,
        "scenarios": [
            {
                "name": plan.scenario,
                "total": total(costs),
                "learned_from": str(plan.learned_from),
                "rows": [asdict(cost) for cost in costs],
            }
            for plan, costs in estimates
        ],
        "not_counted": prices.remarks.get("not_counted", ()),
        "free_tier": prices.remarks.get("free_tier", ()),
    }
