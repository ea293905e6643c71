"""``harness doctor``: what works on this machine, in which way, and the remedy for the rest. Exit code 3 when unfit."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from harness.cli import PASSED, UNFIT
from harness.cli.project import json_option, print_json, settings, state_option

_MARKS = {"ok": ("✓", "green"), "limited": ("!", "yellow"), "unfit": ("✗", "red")}


@click.command("doctor")
@state_option
@json_option
def command(state: Path | None, as_json: bool) -> int:
    """Check this machine: what works here, how, and what to do about the rest."""
    from harness.cli.checks import examine_machine

    findings = examine_machine(settings(state=state))
    fit = all(finding.state != "unfit" for finding in findings)
    if as_json:
        print_json({"fit": fit, "findings": [asdict(finding) for finding in findings]})
        return PASSED if fit else UNFIT
    width = max(len(finding.name) for finding in findings)
    for finding in findings:
        mark, colour = _MARKS[finding.state]
        click.echo(f"{click.style(mark, fg=colour)} {finding.name:<{width}}  {finding.found}")
        if finding.remedy:
            click.echo(f"  {'':<{width}}  → {finding.remedy}")
    return PASSED if fit else UNFIT
