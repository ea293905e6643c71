"""``harness coverage``: which operations are served, as the emulator itself counts them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

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
        for service, found in answer.items():
            click.echo(_row(service, found))


def _row(service: str, found: Any) -> str:
    if isinstance(found, dict):
        found = ", ".join(f"{name} {len(value) if isinstance(value, list) else value}" for name, value in found.items())
    elif isinstance(found, list):
        found = f"{len(found)} operations: {', '.join(map(str, found))}"
    return f"{service:<30} {found}"
