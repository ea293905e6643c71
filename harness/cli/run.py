"""``harness run``: plays scenarios, shows how they go, writes the report."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click

from harness import __version__
from harness.cli import FAILED, INTERRUPTED, PASSED
from harness.cli.project import emulator_options, json_option, project_root, settings, state_option
from harness.cli.speed import Speed, speed_options
from harness.clients.emulator_process import StartOptions
from harness.kernel.errors import GuardRefused, StateError
from harness.kernel.masking import SHOW_ENVIRONMENT

if TYPE_CHECKING:
    from harness.cli.recorded import Recorded
    from harness.profiles.scenarios import Scenario
    from harness.profiles.target import Profile, RunRequest, Target
    from harness.promotion.destination import Destination
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
def command(
    scenarios: tuple[str, ...],
    profile: str,
    report_dir: Path | None,
    data: Path | None,
    yes: bool,
    budget: float | None,
    record: bool,
    show_environment: bool,
    compare: bool,
    speed: Speed,
    wanted: StartOptions,
    state: Path | None,
    as_json: bool,
) -> int:
    """Run scenarios and write a report.

    A scenario is named by its name, by a file, or by tag:TAG; all are run when none is named. Exit code 0 when all
    passed, 1 when one failed, 4 when a guard refused.
    """
    from harness.profiles.target import RunRequest

    if show_environment:
        os.environ[SHOW_ENVIRONMENT] = "1"  # also for the programs of the scenarios
    root, given = project_root(), settings(state=state)
    _found(profile, RunRequest(given, root, wanted))  # a wrong word on the command line is told before all else
    chosen = speed.of(_chosen(root, scenarios), given.state)
    broken = {} if scenarios else _broken(root)
    where = _found(profile, RunRequest(given, root, wanted, environment=speed.environment(chosen, given)))
    speed.refuse_elsewhere(where)
    destination = _destination(where)
    recorded = _recorded(record, compare, chosen, destination, data)
    where = _agreed(where, chosen, budget, yes)
    if report_dir is None:
        _made_private(given.state)
    folder = _made((report_dir or given.state / "reports" / time.strftime("%Y%m%d-%H%M%S")).absolute())

    from harness.cli.costs import Costs
    from harness.cli.play import Play
    from harness.cli.progress import display
    from harness.promotion.cost.prices import prices_of

    costs = Costs(prices_of(destination, given.region, root), destination)
    with where.opened() as place, _interrupts() as interrupted:
        shown = display(quiet=as_json, several=speed.workers > 1)
        play = Play(place, folder, data.absolute() if data else None, shown, interrupted, costs, speed.workers)
        report = play.all(chosen, version=__version__)
        kept = speed.settle(place, report, given.state)
    from harness.report import write_report
    from harness.report.history import read_history

    if recorded:
        recorded.take(report, chosen, destination, folder)
    page = write_report(report, folder, read_history(given.state), place.links())
    _remember(report, folder, given.state)
    if as_json:
        click.echo((folder / "report.json").read_text(), nl=False)
    else:
        play.display.summary(report, page)
    for line in (*kept, *(recorded.lines if recorded else ())):
        click.echo(line, err=as_json)
    _stopped_by_a_guard(place)
    for problem in broken.values():
        click.echo(f"harness: not run: {problem}", err=True)
    if interrupted or broken or not report.passed:
        return INTERRUPTED if interrupted else FAILED
    return recorded.code() if recorded else PASSED


def _made_private(state: Path) -> None:
    from harness.stores.folder import make_private

    try:
        make_private(state)
    except OSError as error:
        raise StateError(
            f"the state folder {state} cannot be used ({error.strerror})", "choose another with --state"
        ) from error


def _made(folder: Path) -> Path:
    """For the report, before anything runs that it is to tell of."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StateError(
            f"the report's folder {folder} cannot be created ({error.strerror})", "choose another folder"
        ) from error
    if not os.access(folder, os.W_OK):
        raise StateError(f"the report's folder {folder} cannot be written to", "choose another folder")
    return folder


def _chosen(root: Path, scenarios: tuple[str, ...]) -> list[Scenario]:
    from harness.profiles.scenarios import UnknownScenario, choose

    try:
        return choose(root, scenarios)
    except UnknownScenario as error:
        raise click.BadParameter(str(error), param_hint="SCENARIO") from error


def _broken(root: Path) -> dict[str, str]:
    from harness.profiles.scenarios import read_all

    return read_all(root)[1]


def _found(profile: str, asked: RunRequest) -> Profile:
    from harness.profiles import UnknownProfile, find_profile

    try:
        return find_profile(profile, asked)
    except UnknownProfile as error:
        raise click.BadParameter(str(error), param_hint="--profile") from error


def _remember(report: Report, folder: Path, state: Path) -> None:
    """A history that cannot be written costs no result."""
    from harness.report.history import remember

    try:
        remember(report, folder, state)
    except OSError as error:
        click.echo(f"harness: this run is not in the history ({error})", err=True)


def _stopped_by_a_guard(place: Target) -> None:
    from harness.profiles.aws import AwsPlace

    if isinstance(place, AwsPlace) and place.refused:
        raise GuardRefused(f"the run was stopped: {place.refused}")


def _recorded(
    record: bool, compare: bool, chosen: Sequence[Scenario], destination: Destination | None, data: Path | None
) -> Recorded | None:
    """None where no recording is asked for, or could be: most runs have nothing to do with AWS."""
    if not record and not compare and destination is None:
        return None
    from harness.cli.recorded import Recorded

    recorded = Recorded(record, compare)
    recorded.check(chosen, destination, data)
    return recorded


def _destination(where: Profile) -> Destination | None:
    from harness.profiles.aws import AwsProfile

    return where.destination if isinstance(where, AwsProfile) else None


def _agreed(where: Profile, chosen: Sequence[Scenario], budget: float | None, yes: bool) -> Profile:
    """On AWS nothing begins without consent; elsewhere there is nothing to consent to."""
    from harness.profiles.aws import AwsProfile

    if isinstance(where, AwsProfile):
        from harness.cli.promotion import agree

        return agree(where, chosen, budget, yes)
    if budget is not None or yes:
        raise click.UsageError(f"--budget and --yes are for profiles of kind aws; {where.name!r} costs nothing")
    return where


@contextlib.contextmanager
def _interrupts() -> Iterator[list[int]]:
    """Collects Ctrl-C and SIGTERM: a scenario cleans up first, and the third one ends at once."""
    caught: list[int] = []

    def catch(number: int, frame: FrameType | None) -> None:
        caught.append(number)
        if len(caught) > 2:
            sys.exit(INTERRUPTED)

    before = {number: signal.signal(number, catch) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
