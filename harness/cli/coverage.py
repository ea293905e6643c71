"""``harness coverage``: which API operations are served. A running emulator also counts the calls it got."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import click

from harness.cli.project import json_option, print_json, settings, state_option
from harness.clients.emulator_process import find


@click.command("coverage")
@state_option
@json_option
def command(state: Path | None, as_json: bool) -> None:
    """Show which API operations the emulator serves, and which it refuses.

    Needs no running emulator; of one that runs, the number of calls is in the JSON.
    """
    emulator = find(settings(state=state).state)
    answer = emulator.ask("/_harness/coverage") if emulator else _without_emulator()
    if as_json:
        print_json(answer)
        return
    for service, operations in answer["services"].items():
        supported = operations["supported"]
        refused = operations["modelled"] - len(supported)
        served = f"{len(supported)} of {operations['modelled']} operations served"
        click.echo(f"{service}: {served}, {refused} refused by name")
        click.echo(_wrap(supported))
    backend = answer["backend"]
    click.echo(
        f"other AWS services: {len(backend['services'])} answered by {backend['name']}, all others refused by name"
    )
    click.echo(_wrap(backend["services"]))


def _without_emulator() -> dict[str, Any]:
    from harness.aws.moto.backend import SERVICES
    from harness.gateway.coverage import served_operations
    from harness.services.registry import operation

    return {
        "services": served_operations(operation),
        "backend": {"name": "moto", "services": sorted(SERVICES)},
    }


def _wrap(names: list[str]) -> str:
    return textwrap.fill(", ".join(names) or "none", 110, initial_indent="  ", subsequent_indent="  ")
