"""The options of ``harness run`` that save time: reuse, workers, last-failed, keep, from."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from harness.scenario.resume.replay import read
from harness.scenario.run_document import RequestRecording

if TYPE_CHECKING:
    from harness.profiles.scenarios import Scenario
    from harness.profiles.target import OpenProfile, PlayOptions, Profile
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
    """One field for each of these options."""

    reuse: bool = False
    workers: int = 1
    last_failed: bool = False
    keep: bool = False
    start: str | None = None

    @property
    def records(self) -> bool:
        """True when the run is recorded, so that it can be continued."""
        return self.keep or self.start is not None

    def refuse_elsewhere(self, profile: Profile) -> None:
        """Refuse the options that need an emulator which executes all jobs."""
        options = {
            "--reuse": self.reuse,
            "--workers": self.workers > 1,
            "--keep": self.keep,
            "--from": self.start is not None,
        }
        used = [option for option, value in options.items() if value]
        if used and not profile.is_local:
            verb = "is" if len(used) == 1 else "are"
            raise click.UsageError(f"{', '.join(used)} {verb} for local profiles; {profile.name!r} is not one")

    def select(self, chosen: list[Scenario], state: Path) -> list[Scenario]:
        """Select the scenarios to be played."""
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

    def play_options(self, chosen: Sequence[Scenario], settings: Settings) -> PlayOptions:
        """Return what the scenarios' processes need to know of these options."""
        from harness.profiles.target import PlayOptions

        reuse, kept = self.reuse or settings.reuse, settings.state / KEPT
        if self.start is not None:
            step, run = _continued_run(kept / f"{chosen[0].name}.jsonl", chosen[0].name, self.start)
            return PlayOptions(reuse, RequestRecording(kept, step), run)
        return PlayOptions(reuse, RequestRecording(kept) if self.records else None)

    def settle(self, profile: OpenProfile, report: Report, state: Path) -> list[str]:
        """Keep the emulator running for scenarios that failed. Return the lines to show."""
        lines = []
        for each in report.scenarios if self.records else ():
            if not (each.passed or each.interrupted):
                profile.keep_running()
                lines += _how_to_go_on(each.name, report.address)
            else:
                (state / KEPT / f"{each.name}.jsonl").unlink(missing_ok=True)
        return lines


def speed_options(command: _F) -> _F:
    """Add the options; the command gets them as ``speed``."""

    @functools.wraps(command)
    def with_speed(*arguments: Any, from_step: str | None = None, **options: Any) -> Any:
        values = {name: options.pop(name) for name in ("reuse", "workers", "last_failed", "keep")}
        return command(*arguments, speed=Speed(**values, start=from_step), **options)

    for option in (
        click.option(
            "--from",
            "from_step",
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


def _continued_run(file: Path, scenario: str, start: str) -> tuple[str, str]:
    """Return the step to start from, and the id of the run that is continued."""
    if not file.exists():
        raise click.UsageError(
            f"nothing is kept of {scenario}: run it with --keep, and go on from a step once it has failed"
        )
    entries = read(file)
    step = _find_step(entries, start)
    before = _begun_steps(entries)
    missing = set(before[: before.index(step)]) - _passed_steps(entries)
    if missing:
        raise click.BadParameter(f"step {', '.join(sorted(missing))!r} before it did not pass", param_hint="--from")
    return step, next(entry["run"] for entry in entries if "run" in entry)


def _find_step(entries: Sequence[Mapping[str, Any]], word: str) -> str:
    steps = [step for step in _begun_steps(entries) if step not in _OURS]
    if word == LAST_GOOD:
        passed = _passed_steps(entries)
        return next((step for step in steps if step not in passed), steps[-1] if steps else word)
    if word in steps:
        return word
    if word.isdecimal() and 1 <= int(word) <= len(steps):
        return steps[int(word) - 1]
    known = "; ".join(f"{number} {step}" for number, step in enumerate(steps, 1))
    raise click.BadParameter(f"the kept run came to no step {word!r}; it came to: {known}", param_hint="--from")


def _begun_steps(entries: Sequence[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(entry["entered"] for entry in entries if "entered" in entry))


def _passed_steps(entries: Sequence[Mapping[str, Any]]) -> set[str]:
    return {entry["passed"] for entry in entries if "passed" in entry}


def _how_to_go_on(scenario: str, address: str) -> list[str]:
    return [
        f"kept: what {scenario} made, and the emulator at {address}",
        "  look:   harness status, harness logs JOB, harness env",
        f"  go on:  harness run {scenario} --from last-good",
        "  end:    harness stop",
    ]
