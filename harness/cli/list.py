"""``harness list``: the project's scenarios, described without running any of them."""

from __future__ import annotations

import click

from harness.cli.project import json_option, print_json, project_root
from harness.profiles.scenarios import discover
from harness.profiles.sdk_environments import installed


@click.command("list")
@json_option
def command(as_json: bool) -> None:
    """List the scenarios of this project."""
    root = project_root()
    scenarios = discover(root)
    if as_json:
        print_json(
            [
                {
                    "name": scenario.name,
                    "title": scenario.title,
                    "sdk": scenario.sdk,
                    "tags": scenario.tags,
                    "file": scenario.file,
                    "environment_installed": installed(scenario.sdk),
                }
                for scenario in scenarios
            ]
        )
        return
    if not scenarios:
        click.echo(f"No scenarios in {root / 'scenarios'}.")
    width = max((len(scenario.name) for scenario in scenarios), default=0)
    for scenario in scenarios:
        tags = f"  [{', '.join(scenario.tags)}]" if scenario.tags else ""
        ready = "" if installed(scenario.sdk) else "  (its environment is built at the first run)"
        click.echo(f"{scenario.name:<{width}}  SDK {scenario.sdk}  {scenario.title}{tags}{ready}")
