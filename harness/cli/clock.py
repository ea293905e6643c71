"""``harness clock``: shows the emulator's time; ``harness clock advance 1h`` runs what becomes due."""

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
        answer = running(state).ask("/_harness/clock")
        if as_json:
            print_json(answer)
        else:
            click.echo(_line(answer))


@command.command("advance")
@click.argument("duration", type=Duration())
@json_option
@click.pass_obj
def advance(state: Path | None, duration: float, as_json: bool) -> None:
    """Move the clock forward; returns when everything that became due is finished."""
    # As long as the jobs take that become due; the user has Ctrl-C.
    answer = running(state).ask("/_harness/clock", "POST", timeout=None, seconds=duration)
    if as_json:
        print_json(answer)
        return
    click.echo(_line(answer))
    for name, value in answer.items():
        if name not in ("now", "real", "offset"):
            click.echo(f"{name}: {_shown(value)}")


def _line(answer: dict[str, Any]) -> str:
    ahead = f", {answer['offset']:g} s ahead of the real one" if answer.get("offset") else ""
    return f"{answer['now']}{ahead}"


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_shown(entry) for entry in value) or "none"
    return " ".join(map(str, value.values())) if isinstance(value, dict) else str(value)
