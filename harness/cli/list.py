"""``harness list``: the project's scenarios and how they went last, described without running any of them."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.project import json_option, print_json, project_root, settings, state_option
from harness.cli.table import align_columns

if TYPE_CHECKING:
    from harness.profiles.scenarios import Scenario
    from harness.report.history import Past

COLUMNS = ("name", "SDK", "last run", "needs", "AWS", "tags", "title")


@click.command("list")
@state_option
@json_option
def command(state: Path | None, as_json: bool) -> None:
    """List the scenarios of this project.

    With their SDK, tags, what they need of the machine, what they say of AWS (parity), and how they went last.
    """
    from harness.profiles.scenarios import read_all
    from harness.report.history import last_results

    root = project_root()
    scenarios, broken = read_all(root)
    for problem in broken.values():
        click.echo(f"harness: {problem}", err=True)
    last = last_results(settings(state=state).state)
    if as_json:
        print_json([_describe(scenario, last.get(scenario.name)) for scenario in scenarios])
        return
    if not scenarios:
        click.echo(f"No scenarios in {root / 'scenarios'}; write one with `harness new NAME`.")
        return
    for line in align_columns([COLUMNS, *(_row(scenario, last.get(scenario.name)) for scenario in scenarios)]):
        click.echo(line)


def _describe(scenario: Scenario, last: Past | None) -> dict[str, Any]:
    from harness.profiles.sdk_environments import is_installed
    from harness.promotion.recordings import last_passed

    claim, reason = _parity(scenario.file)
    return {
        "name": scenario.name,
        "title": scenario.title,
        "sdk": scenario.sdk,
        "tags": scenario.tags,
        "needs": scenario.needs,
        "missing": _missing(scenario),
        "parity": {"claim": claim, "reason": reason},
        "file": scenario.file,
        "environment_installed": is_installed(scenario.sdk),
        "last_result": asdict(last) if last else None,
        "last_passed_on_aws": last_passed(scenario.file.parent).get(scenario.name),
    }


def _row(scenario: Scenario, last: Past | None) -> tuple[str, ...]:
    missing = _missing(scenario)
    needs = ", ".join(f"{part} (missing)" if part in missing else part for part in scenario.needs)
    claim, _ = _parity(scenario.file)
    return scenario.name, scenario.sdk, _went(last), needs, claim, ", ".join(scenario.tags), scenario.title


def _went(last: Past | None) -> str:
    if last is None:
        return "never"
    word = "passed" if last.passed else "interrupted" if last.interrupted else "failed"
    return f"{word} {last.when}" + ("" if last.profile == "local" else f" on {last.profile}")


def _missing(scenario: Scenario) -> list[str]:
    from harness.profiles.needs import PARTS

    return [part for part in scenario.needs if part not in PARTS or not PARTS[part][0]()]


def _parity(file: Path) -> tuple[str, str]:
    """The one claim; empty where a file makes none or several, which `harness validate` tells."""
    from harness.profiles.parity import claims_of, only_claim

    try:
        parity = only_claim(claims_of(file), file.name)
    except ValueError:
        return "", ""
    return parity.claim, parity.reason
