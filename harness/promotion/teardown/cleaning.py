"""Cleaning up after earlier runs (``harness clean``): resources in this project's ledgers or with a run's tag."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from harness.aws_run.ledger import DELETED, KEPT, Header, Ledger, LedgerEntry, LedgerUnreadable, alive, ledgers, read
from harness.kernel.errors import GuardRefused
from harness.promotion.account import Account, credentials_expired
from harness.promotion.teardown import s3_outputs
from harness.promotion.teardown.resources import GONE, RUNNING, THERE, is_job, look
from harness.promotion.teardown.run import FAILED, Removal, Teardown, Waiting
from harness.promotion.teardown.search import TaggedResource, search

HOUR = 3600.0


@dataclass(frozen=True)
class Leftover:
    """A resource to remove. ``ledger`` is the file that lists it, None if only its tag shows that a run created it."""

    run: str
    entry: LedgerEntry
    ledger: Path | None
    condition: str


@dataclass
class Cleaning:
    """A plan of what to clean up. ``passed_over`` says what is skipped and why; ``how`` says how it was searched."""

    leftovers: list[Leftover] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)
    how: str = ""


def plan_cleaning(account: Account, profile: str, folder: Path, older_than: float | None) -> Cleaning:
    """Find the leftovers of earlier runs; change nothing. Runs younger than ``older_than`` seconds are skipped."""
    cleaning = Cleaning()
    runs = list(_runs(account, profile, folder, older_than, cleaning))
    for file, header, entries in runs:
        _add_from_ledger(account, file, header, entries, cleaning)
    _add_from_tags(account, runs, older_than, cleaning)
    return cleaning


def remove(
    account: Account, cleaning: Cleaning, on_removal: Callable[[Removal], None], waits: Waiting | None = None
) -> list[Removal]:
    """Remove the leftovers run by run and write each result into its ledger; call ``on_removal`` for each."""
    runs = dict.fromkeys(leftover.run for leftover in cleaning.leftovers)
    return [removal for run in runs for removal in _remove_run(account, run, cleaning.leftovers, on_removal, waits)]


def _remove_run(
    account: Account,
    run: str,
    leftovers: Sequence[Leftover],
    on_removal: Callable[[Removal], None],
    waits: Waiting | None,
) -> list[Removal]:
    files = {each.entry.key: each.ledger for each in leftovers if each.run == run and each.ledger is not None}
    with contextlib.ExitStack() as stack:
        open_ledgers = {file: stack.enter_context(contextlib.closing(Ledger(file))) for file in set(files.values())}

        def mark(removal: Removal) -> None:
            on_removal(removal)
            if removal.outcome != FAILED and (file := files.get(removal.entry.key)):
                open_ledgers[file].mark(removal.entry.key, DELETED if removal.outcome == "deleted" else KEPT)

        return Teardown(account, run).remove([each.entry for each in leftovers if each.run == run], mark, waits)


Run = tuple[Path, Header, list[LedgerEntry]]


def _runs(account: Account, profile: str, folder: Path, older_than: float | None, cleaning: Cleaning) -> Iterator[Run]:
    """Yield the ledgers to clean up. Raise ``GuardRefused`` for a ledger of another account."""
    for file in ledgers(folder):
        try:
            header, entries = read(file)
        except LedgerUnreadable as error:
            cleaning.passed_over.append(str(error))
            continue
        if header.profile != profile:
            cleaning.passed_over.append(
                f"run {header.run} belongs to profile {header.profile!r}: clean it with that one"
            )
        elif (header.account, header.region) != (account.id, account.region):
            raise GuardRefused(
                f"the ledger {file} belongs to account {header.account}, {header.region}, but profile {profile!r} is "
                f"for account {account.id}, {account.region}, so nothing was removed",
                f"use credentials and a profile of {header.account}, or move that file away if its resources are gone",
            )
        elif alive(file):
            cleaning.passed_over.append(f"run {header.run} ({header.scenario}) is still running")
        elif older_than is not None and time.time() - header.started < older_than:
            cleaning.passed_over.append(f"run {header.run} is younger than --older-than")
        else:
            yield file, header, entries


def _add_from_ledger(
    account: Account, file: Path, header: Header, entries: Sequence[LedgerEntry], cleaning: Cleaning
) -> None:
    for entry in entries:
        if entry.open:
            cleaning.leftovers.append(Leftover(header.run, entry, file, _describe(account, entry)))


def _describe(account: Account, entry: LedgerEntry) -> str:
    """Return the state of a resource as text, for messages."""
    from botocore.exceptions import ClientError

    if entry.kind == "Bucket":
        return "deleted if it is empty by then"
    if entry.service == "s3":
        if not s3_outputs.is_own(entry):
            return "existed before the run; stays"
        there = s3_outputs.count(account, entry)
        return f"{there} object{'' if there == 1 else 's'}"
    if entry.service != "sagemaker":
        return f"of {entry.service}"
    try:
        state = look(account, entry).state
    except ClientError as error:
        if credentials_expired(error):
            raise
        return f"its state is not known: {error}"
    return {GONE: "gone already", RUNNING: "running; to be stopped", THERE: "to be deleted"}.get(
        state, "ended; its record stays"
    )


def _add_from_tags(account: Account, runs: Sequence[Run], older_than: float | None, cleaning: Cleaning) -> None:
    known = {header.run for _, header, _ in runs}
    listed = {leftover.entry.key for leftover in cleaning.leftovers}
    result = search(account)
    cleaning.how = result.how
    others: dict[str, int] = {}
    for each in result.resources:
        if each.entry.key in listed:
            continue
        state = look(account, each.entry).state
        if state == GONE or (is_job(each.entry) and state != RUNNING):
            continue
        if each.run in known or _is_abandoned(each, older_than):
            cleaning.leftovers.append(Leftover(each.run, each.entry, None, f"tagged by {each.owner or 'somebody'}"))
        else:
            others[f"{each.run} of {each.owner or 'somebody'}"] = others.get(f"{each.run} of {each.owner}", 0) + 1
    cleaning.passed_over += [
        f"run {run} has not expired and has no ledger in this project: its {count} resources are left alone"
        for run, count in others.items()
    ]


def _is_abandoned(resource: TaggedResource, older_than: float | None) -> bool:
    """Return whether a run without a ledger here is over, by its expiry tag or by ``older_than``.

    It may still be running on another machine, so it is left alone until then.
    """
    if resource.expires and resource.expires < time.time():
        return True
    return (
        older_than is not None
        and (started := _start_time(resource.run)) is not None
        and time.time() - started > older_than
    )


def _start_time(run: str) -> float | None:
    """Return the start time of a run, which its id begins with."""
    try:
        return datetime.strptime("-".join(run.split("-")[:2]), "%Y%m%d-%H%M%S").astimezone().timestamp()
    except ValueError:
        return None
