"""``harness coverage``: which operations are served, as the emulator itself counts them."""

from __future__ import annotations

import textwrap
from pathlib import Path

import click

from harness.cli.project import json_option, print_json, running, state_option


@click.command("coverage")
@state_option
@json_option
def command(state: Path | None, as_json: bool) -> None:
    """Show which API operations the emulator serves."""
    answer = running(state).ask("/_harness/coverage")
    if as_json:
        print_json(answer)
    else:
        for service, found in answer["services"].items():
            click.echo(f"{service}: {len(found['supported'])} of {found['modelled']} operations")
            click.echo(
                textwrap.fill(", ".join(found["supported"]) or "none", 110, initial_indent="  ", subsequent_indent="  ")
            )
        click.echo(f"everything else is passed on to {answer['backend']['name']}")
