"""``harness run``: plays scenarios, shows how they go, writes the report."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from harness import __version__
from harness.cli import FAILED, INTERRUPTED, PASSED
from harness.cli.choices import choose_profile, choose_scenarios
from harness.cli.project import emulator_options, json_option, project_root, settings, state_option
from harness.cli.speed import Speed, speed_options
from harness.clients.emulator_process import StartOptions
from harness.kernel.errors import GuardRefused, StateError
from harness.kernel.masking import SHOW_ENVIRONMENT

if TYPE_CHECKING:
    from harness.cli.play import Play
    from harness.cli.recorded import Recorder
    from harness.profiles.target import OpenProfile
    from harness.report import Report


@click.command("run")
@click.argument("scenarios", nargs=-1, metavar="[SCENARIO]...")
@click.option("--profile", default="local", show_default=True, help="Where to run.")
@click.option(
    "--report-dir", type=click.Path(path_type=Path, file_okay=False), metavar="DIR", help="Where the report goes."
)
@click.option(
    "--data",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="Run on your own table.",
)
@click.option("--yes", is_flag=True, help="On AWS: go ahead without asking.")
@click.option(
    "--budget",
    type=click.FloatRange(min=0, min_open=True),
    metavar="DOLLARS",
    help="On AWS: refuse above it, stop beyond it.",
)
@click.option("--record", is_flag=True, help="On AWS: keep what passed scenarios find as their recordings.")
@click.option("--show-environment", is_flag=True, help="Do not mask the values of jobs' environments in the report.")
@click.option("--compare", is_flag=True, help="Compare with the recordings of AWS; exit code 1 when something differs.")
@speed_options
@emulator_options
@state_option
@json_option
def command(**options: Any) -> int:
    """Run scenarios and write a report.

    A scenario is named by its name, by a file, or by tag:TAG; all are run when none is named. Exit code 0 when all
    passed, 1 when one failed, 4 when a guard refused.
    """
    return ScenarioRun(RunOptions(**options)).execute()


@dataclass(frozen=True)
class RunOptions:
    """The options of the command line, one field for each."""

    scenarios: tuple[str, ...]
    profile: str
    report_dir: Path | None
    data: Path | None
    yes: bool
    budget: float | None
    record: bool
    show_environment: bool
    compare: bool
    speed: Speed
    start: StartOptions
    state: Path | None
    as_json: bool


class ScenarioRun:
    """One ``harness run``: checks its options, plays the scenarios and writes the report."""

    def __init__(self, options: RunOptions) -> None:
        from harness.profiles.target import RunRequest

        if options.show_environment:
            os.environ[SHOW_ENVIRONMENT] = "1"  # also for the programs of the scenarios
        self._options = options
        self._root, self._settings = project_root(), settings(state=options.state)
        self._profile = choose_profile(options.profile, RunRequest(self._settings, self._root, options.start))
        self._chosen = options.speed.select(choose_scenarios(self._root, options.scenarios), self._settings.state)
        self._broken = {} if options.scenarios else _broken(self._root)
        self._play_options = options.speed.play_options(self._chosen, self._settings)
        options.speed.refuse_elsewhere(self._profile)
        self._recorder = self._make_recorder()
        self._interrupted: list[int] = []

    def execute(self) -> int:
        """Play everything and return the exit code."""
        from harness.report import write_report
        from harness.report.history import read_history

        self._agree()
        state = self._settings.state
        folder = self._make_folder()
        with self._profile.open(self._play_options) as profile, _collect_interrupts(self._interrupted):
            play = self._make_play(profile, folder)
            report = play.all(self._chosen, version=__version__)
            lines = self._options.speed.settle(profile, report, state)
        if self._recorder:
            self._recorder.take(report, self._chosen, self._profile.destination, folder)
            lines += self._recorder.lines
        page = write_report(report, folder, read_history(state), profile.links())
        _remember(report, folder, state)
        if self._options.as_json:
            click.echo((folder / "report.json").read_text(), nl=False)
        else:
            play.display.summary(report, page)
        for line in lines:
            click.echo(line, err=self._options.as_json)
        if profile.stop_reason:
            raise GuardRefused(f"the run was stopped: {profile.stop_reason}")
        return self._exit_code(report)

    def _make_recorder(self) -> Recorder | None:
        """Return None where nothing is recorded or compared: most runs have nothing to do with AWS."""
        options, destination = self._options, self._profile.destination
        if not options.record and not options.compare and destination is None:
            return None
        from harness.cli.recorded import Recorder

        recorder = Recorder(options.record, options.compare)
        recorder.check(self._chosen, destination, options.data)
        return recorder

    def _agree(self) -> None:
        """Ask for consent where a run costs money, and keep its budget."""
        options, destination = self._options, self._profile.destination
        if destination is not None:
            from harness.cli.promotion import agree

            limit = agree(destination, self._chosen, options, (self._settings.state, self._root))
            self._play_options = replace(self._play_options, cost_limit=limit)
        elif options.budget is not None or options.yes:
            raise click.UsageError(
                f"--budget and --yes are for profiles of kind aws; {self._profile.name!r} costs nothing"
            )

    def _make_folder(self) -> Path:
        """Make the report's folder before anything runs."""
        folder = self._options.report_dir
        if folder is None:
            _make_private(self._settings.state)
            folder = self._settings.state / "reports" / time.strftime("%Y%m%d-%H%M%S")
        return _make_writable(folder.absolute())

    def _make_play(self, profile: OpenProfile, folder: Path) -> Play:
        from harness.cli.costs import Costs
        from harness.cli.play import Play
        from harness.cli.progress import display
        from harness.promotion.cost.prices import prices_of

        options, destination = self._options, self._profile.destination
        costs = Costs(prices_of(destination, self._settings.region, self._root), destination)
        shown = display(quiet=options.as_json, several=options.speed.workers > 1)
        data = options.data.absolute() if options.data else None
        return Play(profile, folder, data, shown, self._interrupted, costs, options.speed.workers)

    def _exit_code(self, report: Report) -> int:
        for problem in self._broken.values():
            click.echo(f"harness: not run: {problem}", err=True)
        if self._interrupted or self._broken or not report.passed:
            return INTERRUPTED if self._interrupted else FAILED
        return self._recorder.code() if self._recorder else PASSED


def _make_private(state: Path) -> None:
    from harness.stores.folder import make_private

    try:
        make_private(state)
    except OSError as error:
        raise StateError(
            f"the state folder {state} cannot be used ({error.strerror})", "choose another with --state"
        ) from error


def _make_writable(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StateError(
            f"the report's folder {folder} cannot be created ({error.strerror})", "choose another folder"
        ) from error
    if not os.access(folder, os.W_OK):
        raise StateError(f"the report's folder {folder} cannot be written to", "choose another folder")
    return folder


def _broken(root: Path) -> dict[str, str]:
    from harness.profiles.scenarios import read_all

    return read_all(root)[1]


def _remember(report: Report, folder: Path, state: Path) -> None:
    """Add the run to the history. A history that cannot be written does not fail the run."""
    from harness.report.history import remember

    try:
        remember(report, folder, state)
    except OSError as error:
        click.echo(f"harness: this run is not in the history ({error})", err=True)


@contextlib.contextmanager
def _collect_interrupts(caught: list[int]) -> Iterator[None]:
    """Collect Ctrl-C and SIGTERM: scenarios clean up first, and the third signal ends the run at once."""

    def catch(number: int, frame: FrameType | None) -> None:
        caught.append(number)
        if len(caught) > 2:
            sys.exit(INTERRUPTED)

    before = {number: signal.signal(number, catch) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
