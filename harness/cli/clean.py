"""``harness clean``: removes from AWS what runs left there. Shows it first; by ledger, then by tag."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from harness.aws_run.ledger import LedgerEntry
from harness.cli import FAILED, PASSED
from harness.cli.choices import choose_destination
from harness.cli.project import json_option, print_json, project_root, settings, state_option
from harness.kernel.errors import GuardRefused
from harness.promotion.account import Account
from harness.promotion.teardown.cleaning import Cleaning, Leftover
from harness.promotion.teardown.run import Removal

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


class Age(click.ParamType[float]):
    name = "age"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", str(value))
        if not match:
            self.fail(f"{value!r} is not an age such as 30m, 12h or 2d", param, ctx)
        return float(match[1]) * _UNITS[match[2]]


@click.command("clean")
@click.option("--profile", default="aws", show_default=True, help="Whose account to clean.")
@click.option("--dry-run", is_flag=True, help="Show what would go, and stop there.")
@click.option("--yes", is_flag=True, help="Go ahead without asking.")
@click.option("--older-than", type=Age(), metavar="AGE", help="Only what runs begun that long ago left: 30m, 12h, 2d.")
@state_option
@json_option
def command(profile: str, dry_run: bool, yes: bool, older_than: float | None, state: Path | None, as_json: bool) -> int:
    """Remove from AWS what runs left there.

    Reads the ledgers of this project, then searches the account for the tags of runs. Runs that are still going are
    left alone, and so are those of other people until they expire.
    """
    from harness.profiles.aws import LEDGERS
    from harness.profiles.target import RunRequest
    from harness.promotion.account import open_account
    from harness.promotion.teardown.cleaning import plan_cleaning, remove

    in_force = settings(state=state)
    account = open_account(choose_destination(profile, RunRequest(in_force, project_root())))
    click.echo(f"{account}: looking at what runs left there", err=True)
    cleaning = plan_cleaning(account, profile, in_force.state / LEDGERS, older_than)
    _show(account, cleaning, quiet=as_json)
    if dry_run or not cleaning.leftovers:
        return _end(cleaning, [], as_json)
    if not yes:
        if not sys.stdin.isatty():
            raise GuardRefused("nobody is here to agree to that, so nothing was touched", "say --yes to go ahead")
        if not click.confirm("Remove them?", err=True):
            raise GuardRefused("not agreed to, so nothing was touched")
    removals = remove(account, cleaning, lambda each: click.echo(f"  {each}", err=as_json), _report_wait)
    return _end(cleaning, removals, as_json)


def _report_wait(entry: LedgerEntry, why: str, seconds: float) -> None:
    passed = f", for {seconds:.0f} s now" if seconds >= 1 else ""
    click.echo(f"  waiting for AWS{passed}: {entry.kind} {entry.name}: {why}", err=True)


def _show(account: Account, cleaning: Cleaning, quiet: bool) -> None:
    lines = [f"{account}; searched by {cleaning.how}"]
    lines += [f"  {each.run}  {each.entry.kind} {each.entry.name}: {each.condition}" for each in cleaning.leftovers]
    lines += [f"  {line}" for line in cleaning.passed_over]
    if not cleaning.leftovers:
        lines.append("nothing is left to remove")
    for line in lines:
        click.echo(line, err=quiet)


def _end(cleaning: Cleaning, removals: Sequence[Removal], as_json: bool) -> int:
    failed = [removal for removal in removals if removal.outcome == "failed"]
    if as_json:
        print_json(
            {
                "searched_by": cleaning.how,
                "leftovers": [_plain(leftover) for leftover in cleaning.leftovers],
                "left_alone": cleaning.passed_over,
                "removed": [
                    {"kind": each.entry.kind, "name": each.entry.name, "outcome": each.outcome, "told": each.reason}
                    for each in removals
                ],
            }
        )
    elif removals:
        gone = len(removals) - len(failed)
        click.echo(f"{gone} of {len(removals)} settled" + (f"; {len(failed)} are LEFT on AWS" if failed else ""))
    return FAILED if failed else PASSED


def _plain(leftover: Leftover) -> dict[str, str | None]:
    ledger = str(leftover.ledger) if leftover.ledger else None
    entry = leftover.entry
    return {"run": leftover.run, "kind": entry.kind, "name": entry.name, "told": leftover.condition, "ledger": ledger}
