"""``harness ps``: the jobs, endpoints and schedules of the running emulator."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from harness.cli.project import json_option, print_json, running, state_option
from harness.cli.table import align_columns
from harness.kernel.kinds import BY_TYPE

COLUMNS = ("kind", "name", "status", "age")


@click.command("ps")
@click.option("-a", "--all", "everything", is_flag=True, help="Also show jobs that have ended.")
@state_option
@json_option
def command(everything: bool, state: Path | None, as_json: bool) -> None:
    """List jobs that run, endpoints and schedules, with status and age."""
    entries: list[dict[str, Any]] = running(state).ask("/_harness/jobs")["jobs"]
    shown = [each for each in entries if everything or not _is_over(each)]
    if as_json:
        print_json(shown)
    elif shown:
        for line in align_columns([COLUMNS, *(_row(each) for each in reversed(shown))]):
            click.echo(line)
    else:
        ended = len(entries)
        click.echo("Nothing runs." + (f" {ended} jobs have ended; `harness ps --all` shows them." if ended else ""))


def _is_over(resource: dict[str, Any]) -> bool:
    kind = BY_TYPE[resource["kind"]]
    return kind.is_job and kind.lifecycle is not None and resource["status"] in kind.lifecycle.final


def _row(resource: dict[str, Any]) -> Sequence[str]:
    return resource["kind"], resource["name"], resource["status"], age(time.time() - resource["created"])


def age(seconds: float) -> str:
    """A duration in its largest whole unit, for example ``5 min``."""
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{int(seconds // length)} {unit}"
    return f"{max(int(seconds), 0)} s"
