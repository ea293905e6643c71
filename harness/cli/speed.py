"""The options of ``harness run`` that save time (reuse, workers, last-failed, keep, from): what they mean, refuse."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from harness.scenario.resume.replay import FILE, FROM, read

if TYPE_CHECKING:
    from harness.profiles.scenarios import Scenario
    from harness.profiles.target import Profile, Target
    from harness.report import Report
    from harness.settings import Settings

_F = TypeVar("_F", bound=Callable[..., Any])
KEPT = "kept"
"""The folder of recordings in the state folder."""
LAST_GOOD = "last-good"
_OURS = ("Import the SDK", "Clean up")
"""Steps that are in every scenario and in none."""


@dataclass(frozen=True)
class Speed:
    reuse: bool = False
    workers: int = 1
    last_failed: bool = False
    keep: bool = False
    start: str | None = None

    @property
    def records(self) -> bool:
        return self.keep or self.start is not None

    def refuse_elsewhere(self, where: Profile) -> None:
        """Only the emulator can do it: there, jobs may be answered and nothing that is kept costs anything."""
        from harness.profiles.local import LocalProfile

        given = {
            "--reuse": self.reuse,
            "--workers": self.workers > 1,
            "--keep": self.keep,
            "--from": self.start is not None,
        }
        asked = [option for option, wanted in given.items() if wanted]
        if asked and not isinstance(where, LocalProfile):
            verb = "is" if len(asked) == 1 else "are"
            raise click.UsageError(f"{', '.join(asked)} {verb} for local profiles; {where.name!r} is not one")

    def of(self, chosen: list[Scenario], state: Path) -> list[Scenario]:
        """Those to be played."""
        if self.start is not None and len(chosen) != 1:
            raise click.UsageError(f"--from is for one scenario, and {len(chosen)} are chosen: name one")
        if not self.last_failed:
            return chosen
        from harness.report.history import last_results

        last = last_results(state)
        failed = [each for each in chosen if each.name in last and not last[each.name].passed]
        if not failed:
            click.echo("no previously failed scenarios, running all", err=True)
        return failed or chosen

    def environment(self, chosen: Sequence[Scenario], given: Settings) -> dict[str, str]:
        """Variables of the scenarios' programs."""
        told: dict[str, str] = {}
        if self.reuse or given.reuse:
            # Every SDK puts this into the User-Agent of its requests: so only this run's jobs are reused.
            told |= {"AWS_SDK_UA_APP_ID": "harness-reuse", "HARNESS_REUSE": "1"}
        if self.records:
            told[FILE] = str(given.state / KEPT)
        if self.start is not None:
            told |= _resumed(given.state / KEPT / f"{chosen[0].name}.jsonl", chosen[0].name, self.start)
        return told

    def settle(self, place: Target, report: Report, state: Path) -> list[str]:
        """While the place is open: it stays for what failed. Returns what there is to say."""
        from harness.profiles.local import LocalPlace

        lines = []
        for each in report.scenarios if self.records else ():
            if not (each.passed or each.interrupted) and isinstance(place, LocalPlace):
                place.stay()
                lines += _how_to_go_on(each.name, report.address)
            else:
                (state / KEPT / f"{each.name}.jsonl").unlink(missing_ok=True)
        return lines


def speed_options(command: _F) -> _F:
    """Handed to the command as ``speed``."""

    @functools.wraps(command)
    def with_speed(*arguments: Any, start: str | None = None, **options: Any) -> Any:
        given = {name: options.pop(name) for name in ("reuse", "workers", "last_failed", "keep")}
        return command(*arguments, speed=Speed(**given, start=start), **options)

    for option in (
        click.option(
            "--from",
            "start",
            metavar="STEP",
            help="Go on from a step of a run that was kept: its name, number, or last-good.",
        ),
        click.option("--keep", is_flag=True, help="Leave everything that a failed scenario made, and the emulator."),
        click.option("--last-failed", is_flag=True, help="Only the scenarios that failed last time."),
        click.option(
            "--workers", default="1", callback=_workers, metavar="N", help="Scenarios at the same time, or auto."
        ),
        click.option("--reuse", is_flag=True, help="Answer unchanged jobs with what they made before."),
    ):
        with_speed = option(with_speed)
    return with_speed  # type: ignore[return-value]


def _workers(context: click.Context, parameter: click.Parameter, value: str) -> int:
    if value == "auto":
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if not value.isdecimal() or int(value) < 1:
        raise click.BadParameter(f"{value!r} is neither a number from 1 on nor 'auto'")
    return int(value)


def _resumed(file: Path, scenario: str, start: str) -> dict[str, str]:
    """The run that is gone on from, and the step that is the first to be run."""
    if not file.exists():
        raise click.UsageError(
            f"nothing is kept of {scenario}: run it with --keep, and go on from a step once it has failed"
        )
    entries = read(file)
    step = _step(entries, start)
    before = _entered(entries)
    missing = set(before[: before.index(step)]) - _passed(entries)
    if missing:
        raise click.BadParameter(f"step {', '.join(sorted(missing))!r} before it did not pass", param_hint="--from")
    return {FROM: step, "HARNESS_RUN_ID": next(entry["run"] for entry in entries if "run" in entry)}


def _step(entries: Sequence[Mapping[str, Any]], wanted: str) -> str:
    steps = [step for step in _entered(entries) if step not in _OURS]
    if wanted == LAST_GOOD:
        passed = _passed(entries)
        return next((step for step in steps if step not in passed), steps[-1] if steps else wanted)
    if wanted in steps:
        return wanted
    if wanted.isdecimal() and 1 <= int(wanted) <= len(steps):
        return steps[int(wanted) - 1]
    known = "; ".join(f"{number} {step}" for number, step in enumerate(steps, 1))
    raise click.BadParameter(f"the kept run came to no step {wanted!r}; it came to: {known}", param_hint="--from")


def _entered(entries: Sequence[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(entry["entered"] for entry in entries if "entered" in entry))


def _passed(entries: Sequence[Mapping[str, Any]]) -> set[str]:
    return {entry["passed"] for entry in entries if "passed" in entry}


def _how_to_go_on(scenario: str, address: str) -> list[str]:
    return [
        f"kept: what {scenario} made, and the emulator at {address}",
        "  look:   harness status, harness logs JOB, harness env",
        f"  go on:  harness run {scenario} --from last-good",
        "  end:    harness stop",
    ]
