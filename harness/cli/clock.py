"""``harness clock``: what time it is in the emulator; ``harness clock advance 1h`` runs what becomes due."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click

from harness.cli.project import json_option, print_json, running, state_option

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class Duration(click.ParamType[float]):
    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """``90s``, ``1h``, ``1h30m``, ``2d``; a bare number is seconds."""
        text = str(value).strip().lower()
        parts = re.findall(r"(\d+(?:\.\d+)?)([smhd])", text)
        if parts and "".join(number + unit for number, unit in parts) == text:
            return sum(float(number) * _UNITS[unit] for number, unit in parts)
        try:
            return float(text)
        except ValueError:
            self.fail(f"{value!r} is not a duration; write it like 90s, 30m, 1h, 1h30m or 2d", param, ctx)


@click.group("clock", invoke_without_command=True)
@state_option
@json_option
@click.pass_context
def command(context: click.Context, state: Path | None, as_json: bool) -> None:
    """Show the emulator's clock, or move it forward."""
    context.obj = state
    if context.invoked_subcommand is None:
        told = running(state).ask("/_harness/clock")
        if as_json:
            print_json(told)
        else:
            click.echo(_line(told))


@command.command("advance")
@click.argument("duration", type=Duration())
@json_option
@click.pass_obj
def advance(state: Path | None, duration: float, as_json: bool) -> None:
    """Move the clock forward; returns when everything that became due is finished."""
    # As long as the jobs take that become due; the user has Ctrl-C.
    told = running(state).ask("/_harness/clock", "POST", timeout=None, seconds=duration)
    if as_json:
        print_json(told)
        return
    click.echo(_line(told))
    for name, value in told.items():
        if name not in ("now", "real", "offset"):
            click.echo(f"{name}: {_shown(value)}")


def _line(told: dict[str, Any]) -> str:
    ahead = f", {told['offset']:g} s ahead of the real one" if told.get("offset") else ""
    return f"{told['now']}{ahead}"


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_shown(entry) for entry in value) or "none"
    return " ".join(map(str, value.values())) if isinstance(value, dict) else str(value)
