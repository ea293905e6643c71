"""``harness plan``: checks whether an account is ready for scenarios, and writes the minimal policies."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from harness.cli import PASSED, UNFIT
from harness.cli.choices import choose_destination, choose_scenarios
from harness.cli.project import json_option, print_json, project_root, settings, state_option
from harness.promotion.plan import RunPlan
from harness.promotion.preflight.findings import FAILURE, OK, UNCHECKED, WARNING
from harness.promotion.preflight.run import Preflight

_MARKS = {OK: "ok", WARNING: "warning", FAILURE: "FAILURE", UNCHECKED: "?"}


@click.command("plan")
@click.argument("scenarios", nargs=-1, metavar="[SCENARIO]...")
@click.option("--profile", default="aws", show_default=True, help="Whose account to look at.")
@click.option("--policy", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True), metavar="FILE",
              help="Write the minimal policies of caller, role and preflight there; - prints them.")  # fmt: skip
@state_option
@json_option
def command(scenarios: tuple[str, ...], profile: str, policy: Path | None, state: Path | None, as_json: bool) -> int:
    """Look whether an AWS account is ready for a run; change nothing.

    Credentials, role, permissions, bucket, network, keys, images, quotas, names. Exit code 3 when something fails.
    """
    from harness.cli.promotion import plan_lines
    from harness.profiles.target import RunRequest
    from harness.promotion.account import open_account
    from harness.promotion.plan import make_plan
    from harness.promotion.preflight.run import preflight
    from harness.report.run_folders import run_folders

    root, in_force = project_root(), settings(state=state)
    destination = choose_destination(profile, RunRequest(in_force, root))
    chosen = choose_scenarios(root, scenarios)
    folders = run_folders(in_force.state)
    plans = [make_plan(each.name, each.file, folders, destination) for each in chosen]
    result = preflight(open_account(destination), destination, plans)
    if as_json:
        print_json(_plain(result, plans))
    else:
        for line in (line for plan in plans for line in plan_lines(plan, destination)):
            click.echo(line)
        for line in _lines(result):
            click.echo(line)
    if policy is not None:
        _write(result.policies, policy)
    return UNFIT if result.failures else PASSED


def _lines(result: Preflight) -> list[str]:
    lines = []
    for finding in result.findings:
        lines.append(f"{_MARKS[finding.state]:<8} {finding.topic}: {finding.message}")
        if finding.remedy:
            lines.append(f"{'':<8} -> {finding.remedy}")
    counts = {state: sum(finding.state == state for finding in result.findings) for state in _MARKS}
    counted = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
    return [*lines, f"{'not ready' if result.failures else 'ready'}: {counted}"]


def _plain(result: Preflight, plans: list[RunPlan]) -> dict[str, Any]:
    return {
        "ready": not result.failures,
        "findings": [asdict(finding) for finding in result.findings],
        "plans": [
            {
                "scenario": plan.scenario,
                "steps": plan.steps,
                "resources": [asdict(planned) for planned in plan.resources],
                "learned_from": plan.learned_from,
            }
            for plan in plans
        ],
        "policies": result.policies,
    }


def _write(policies: dict[str, Any], file: Path) -> None:
    text = json.dumps(policies, indent=2)
    if str(file) == "-":
        click.echo(text)
    else:
        file.write_text(text + "\n", encoding="utf-8")
        click.echo(f"the minimal policies of caller, role and preflight are in {file}", err=True)
