"""``harness status``: whether the emulator runs, and what it says of itself. Exit code 3 when it does not run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from harness.cli import PASSED, UNFIT
from harness.cli.project import json_option, print_json, settings, state_option
from harness.clients import emulator_process


@click.command("status")
@state_option
@json_option
def command(state: Path | None, as_json: bool) -> int:
    """Show whether the emulator runs, and where."""
    folder = settings(state=state).state
    emulator = emulator_process.find(folder)
    health = emulator.facts() if emulator else None
    if as_json:
        facts = {**asdict(emulator), "health": health} if emulator else {}
        print_json({"running": emulator is not None, "state": folder, **facts})
    elif emulator is None:
        click.echo(f"No emulator runs on {folder}; start one with `harness start`.")
    else:
        for line in _in_words(health or {}):
            click.echo(line)
    return UNFIT if emulator is None else PASSED


def _in_words(facts: Mapping[str, Any]) -> Iterator[str]:
    backend = facts.get("aws") or {}
    details = "; ".join(f"{name}: {value}" for name, value in backend.items() if value)
    yield f"The emulator runs at {facts['address']} (process {facts['pid']}, harness {facts['version']})."
    yield f"  started    {facts['started']}"
    kept = "nothing is kept when it stops" if facts.get("ephemeral") else "kept when it stops"
    yield f"  state      {facts['state']}, {kept}"
    yield f"  account    {facts['account']} in {facts['region']}"
    yield f"  jobs       run {'as processes of this machine' if facts['runner'] == 'process' else 'in containers'}"
    yield f"  other AWS  {facts['aws_backend']}" + (f" ({details})" if details else "")
    if facts.get("s3_url"):
        yield f"  S3         {facts['s3_url']}"
