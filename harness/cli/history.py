"""``harness history``: how runs went over time, each number beside the median of the runs before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.project import json_option, print_json, settings, state_option

if TYPE_CHECKING:
    from harness.report.history import History, Past
    from harness.report.trends import Trend

SHOWN_RUNS = 10


@click.command("history")
@click.argument("scenario", required=False)
@click.option("--profile", metavar="NAME", help="Only runs on this profile.")
@state_option
@json_option
def command(scenario: str | None, profile: str | None, state: Path | None, as_json: bool) -> None:
    """Show how runs went over time: duration and metrics, with trends.

    Each number stands beside the median of up to ten runs before. With a SCENARIO also its steps and its last runs. In
    a trend only runs that passed count, in durations only those that reused nothing, and only runs on the same profile
    are compared.
    """
    from harness.report.history import read_history
    from harness.report.text import visible

    folder = settings(state=state).state
    history = read_history(folder)
    chosen = _select_runs(history, scenario, profile)
    if as_json:
        print_json({"corrupt_lines": history.corrupt, "scenarios": [_as_json(runs) for runs in chosen]})
        return
    if history.corrupt:
        lines = "line" if history.corrupt == 1 else "lines"
        click.echo(f"harness: {history.corrupt} {lines} of the history could not be read, and were skipped", err=True)
    if not chosen:
        click.echo(f"No runs are remembered in {folder}; `harness run` remembers each.")
    for number, runs in enumerate(chosen):
        for line in [*([""] if number else []), *_in_words(runs, detailed=scenario is not None)]:
            click.echo(visible(line))


def _select_runs(history: History, scenario: str | None, profile: str | None) -> list[list[Past]]:
    """Runs by scenario and profile, in the order in which these first ran."""
    known = list(dict.fromkeys(past.scenario for past in history.runs))
    if scenario is not None and scenario not in known:
        said = f"known: {', '.join(known)}" if known else "no runs are remembered yet"
        raise click.BadParameter(f"no run of {scenario!r} is remembered; {said}", param_hint="SCENARIO")
    pairs = dict.fromkeys((past.scenario, past.profile) for past in history.runs)
    selected = [(name, where) for name, where in pairs if scenario in (None, name) and profile in (None, where)]
    return [history.of(name, where) for name, where in selected]


def _as_json(runs: Sequence[Past]) -> dict[str, Any]:
    from harness.report.trends import step_trends, trends

    return {
        "scenario": runs[-1].scenario,
        "profile": runs[-1].profile,
        "runs": [asdict(past) for past in runs],
        "trends": [_trend_as_json(trend) for trend in trends(runs)],
        "steps": [_trend_as_json(trend) for trend in step_trends(runs)],
    }


def _trend_as_json(trend: Trend) -> dict[str, Any]:
    return {**asdict(trend), "last": trend.last, "change": trend.change}


def _in_words(runs: Sequence[Past], *, detailed: bool) -> list[str]:
    from harness.report.trends import step_trends, trends

    last, passed = runs[-1], sum(past.passed for past in runs)
    count = f"{len(runs)} run{'' if len(runs) == 1 else 's'}, {passed} passed"
    lines = [f"{last.scenario} (profile {last.profile}): {count}; the last {_verdict(last)} at {last.when} UTC"]
    changes = trends(runs)
    lines += _table(changes, "") if changes else ["  none passed yet, so there are no trends"]
    if detailed:
        lines += ["", *_table(step_trends(runs), "step "), "", "  last runs"]
        lines += [
            f"  {past.when}  {_verdict(past):11}  {past.seconds:8.1f} s  {past.met}/{past.expectations}  {past.report}"
            for past in runs[-SHOWN_RUNS:]
        ]
    return lines


def _verdict(past: Past) -> str:
    return "passed" if past.passed else "interrupted" if past.interrupted else "FAILED"


def _table(changes: Sequence[Trend], what: str) -> list[str]:
    from harness.report.trends import blocks

    rows = [(f"{what}name", "last", "median", "change", "trend")]
    rows += [
        (
            trend.name,
            _number(trend.last, trend.unit),
            "" if trend.median is None else _number(trend.median, trend.unit),
            "" if trend.change is None else f"{trend.change:+.1%}",
            blocks(trend.values),
        )
        for trend in changes
    ]
    name, *numbers = (max(len(row[column]) for row in rows) for column in range(4))
    return [
        "  ".join(["", f"{row[0]:<{name}}", *(f"{row[at]:>{width}}" for at, width in enumerate(numbers, 1)), row[4]])
        for row in rows
    ]


def _number(value: float, unit: str) -> str:
    return f"{value:.1f} s" if unit == "s" else f"{value:.6g}"
