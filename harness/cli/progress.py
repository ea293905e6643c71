"""The output of ``harness run`` while it runs: a live list of steps on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from harness.cli.failures import failure_lines
from harness.report.model import Report, ScenarioReport, Step
from harness.scenario.events import Event, StepEvent

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live

REDRAW_SECONDS = 1 / 12


class Display(Protocol):
    def note(self, line: str) -> None:
        """Show a remark: an environment that is being built, a request to stop."""

    def follow(self, report: ScenarioReport) -> AbstractContextManager[None]:
        """Show one scenario while the block lasts; several may overlap."""

    def tick(self) -> None:
        """Redraw; called often while scenarios run."""

    def show(self, report: ScenarioReport, event: Event) -> None:
        """Show an event that was added to the report."""

    def finish(self, report: ScenarioReport) -> None:
        """Show the end of a scenario."""

    def summary(self, report: Report, page: Path) -> None:
        """Show the end of the run."""


def display(quiet: bool = False, several: bool = False) -> Display:
    """Choose the display. ``several``: scenarios are played at the same time."""
    if quiet:
        return QuietDisplay()
    return LiveDisplay() if sys.stdout.isatty() else PlainDisplay(several)


class QuietDisplay:
    """The display for ``--json``: standard output belongs to the report; notes go to standard error."""

    def note(self, line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    def follow(self, report: ScenarioReport) -> AbstractContextManager[None]:
        return contextlib.nullcontext()

    def tick(self) -> None:
        return

    def show(self, report: ScenarioReport, event: Event) -> None:
        return

    def finish(self, report: ScenarioReport) -> None:
        return

    def summary(self, report: Report, page: Path) -> None:
        return


class PlainDisplay:
    """One line for each finished step; nothing is redrawn. With ``several`` at once each line names its scenario."""

    def __init__(self, several: bool = False) -> None:
        self._several = several

    def note(self, line: str) -> None:
        print(line, flush=True)

    def follow(self, report: ScenarioReport) -> AbstractContextManager[None]:
        print(f"{report.name}: {report.title}", flush=True)
        return contextlib.nullcontext()

    def tick(self) -> None:
        return

    def show(self, report: ScenarioReport, event: Event) -> None:
        if isinstance(event, StepEvent) and event.state != "started":
            step = next(step for step in reversed(report.steps) if step.name == event.name)
            print(f"{self._prefix(report)}{_mark(step)} {step.name}  {step.seconds:.1f} s{_remarks(step)}", flush=True)

    def finish(self, report: ScenarioReport) -> None:
        whose = self._prefix(report) if self._several else ""
        for line in failure_lines(report):
            print(f"{whose}{line}", flush=True)

    def _prefix(self, report: ScenarioReport) -> str:
        return f"{report.name} | " if self._several else "  "

    def summary(self, report: Report, page: Path) -> None:
        for line in summary_lines(report, page):
            print(line, flush=True)


class LiveDisplay:
    """Steps with spinners and running times, redrawn on the caller's ``tick``, as this process forks."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(highlight=False)
        self._running: list[ScenarioReport] = []
        self._live: Live | None = None
        self._drawn = 0.0

    def note(self, line: str) -> None:
        self._console.print(line, style="dim", markup=False)

    @contextlib.contextmanager
    def follow(self, report: ScenarioReport) -> Iterator[None]:
        from rich.live import Live

        self._running.append(report)
        if self._live is None:
            self._live = Live(console=self._console, auto_refresh=False, transient=True, get_renderable=self._all)
            self._live.start()
        try:
            yield
        finally:
            self._running.remove(report)
            if not self._running:
                self._live.stop()
                self._live = None
            self._console.print(_story(report))

    def tick(self) -> None:
        now = time.monotonic()
        if self._live is not None and now - self._drawn > REDRAW_SECONDS:
            self._drawn = now
            self._live.refresh()

    def _all(self) -> RenderableType:
        from rich.console import Group

        return Group(*(_story(report) for report in self._running))

    def show(self, report: ScenarioReport, event: Event) -> None:
        return  # the live list looks at the report itself

    def finish(self, report: ScenarioReport) -> None:
        for line in failure_lines(report):
            self._console.print(line, style="red", markup=False)

    def summary(self, report: Report, page: Path) -> None:
        style = "bold green" if report.passed else "bold red"
        first, *rest = summary_lines(report, page)
        self._console.print(first, style=style, markup=False)
        for line in rest:
            self._console.print(line, markup=False, soft_wrap=True)


def _story(report: ScenarioReport) -> RenderableType:
    from rich.console import Group
    from rich.text import Text

    return Group(Text.assemble((report.name, "bold"), "  ", (report.title, "dim")), _steps(report))


def _steps(report: ScenarioReport) -> RenderableType:
    from rich.spinner import Spinner
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 1))
    table.add_column(width=2, justify="right")
    table.add_column(min_width=34)
    table.add_column(justify="right")
    table.add_column(style="dim")
    colours = {"passed": "green", "failed": "red"}
    for step in report.steps:
        if step.state == "running":
            seconds = f"{time.time() - step.started:.1f} s"
            table.add_row(_spinner(Spinner), Text(step.name, "bold"), seconds, _remarks(step))
        else:
            table.add_row(Text(_mark(step), colours[step.state]), step.name, f"{step.seconds:.1f} s", _remarks(step))
    return table


_SPINNERS: list[RenderableType] = []


def _spinner(kind: type) -> RenderableType:
    """Return the same spinner for all redraws: a new one each time would never turn."""
    if not _SPINNERS:
        _SPINNERS.append(kind("dots", style="cyan"))
    return _SPINNERS[0]


def _mark(step: Step) -> str:
    return {"passed": "✓", "failed": "✗"}.get(step.state, "…")


def _remarks(step: Step) -> str:
    """Return what is shown of a step beside its time."""
    met, count, reused = sum(each.passed for each in step.expectations), len(step.expectations), len(step.reused)
    remarks = [
        f"{met}/{count} expectations" if count else "",
        f"{reused} job{'' if reused == 1 else 's'} reused" if reused else "",
        "replayed" if step.replayed else "",
        f"changed since: {', '.join(step.changed)}" if step.changed else "",
    ]
    return "".join(f"  {text}" for text in remarks if text)


def summary_lines(report: Report, page: Path) -> list[str]:
    """Return the last lines of the output."""
    passed = sum(scenario.passed for scenario in report.scenarios)
    met = [expectation.passed for scenario in report.scenarios for expectation in scenario.expectations]
    count = len(report.scenarios) + len(report.unplayed)
    scenarios = f"{passed} of {count} scenario{'' if count == 1 else 's'}"
    head = "interrupted: " if report.verdict == "interrupted" else ""
    return [
        f"{head}passed {scenarios}, {sum(met)} of {len(met)} expectations, {report.seconds:.1f} s",
        *([f"not begun: {', '.join(report.unplayed)}"] if report.unplayed else []),
        f"report: {page}",
    ]
