"""What ``harness clean`` would remove: from the ledgers of this project, and from what carries a run's tag."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from harness.aws_run.ledger import DELETED, KEPT, Header, Ledger, LedgerEntry, LedgerUnreadable, alive, ledgers, read
from harness.kernel.errors import GuardRefused
from harness.promotion.account import Account, stale
from harness.promotion.teardown import s3_outputs
from harness.promotion.teardown.resources import GONE, RUNNING, THERE, is_job, look
from harness.promotion.teardown.run import FAILED, Removal, Teardown, Waiting
from harness.promotion.teardown.search import TaggedResource, search

HOUR = 3600.0


@dataclass(frozen=True)
class Leftover:
    """One thing to remove; ``ledger`` is the file that lists it, None for what only its tag tells of."""

    run: str
    entry: LedgerEntry
    ledger: Path | None
    told: str


@dataclass
class Cleaning:
    """``passed_over`` says, in words, what is left alone and why; ``how`` what was searched."""

    leftovers: list[Leftover] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)
    how: str = ""


def plan_cleaning(account: Account, profile: str, folder: Path, older_than: float | None) -> Cleaning:
    """Asks AWS about everything and changes nothing. ``older_than`` in seconds: younger runs are left alone."""
    cleaning = Cleaning()
    runs = list(_runs(account, profile, folder, older_than, cleaning))
    for file, header, entries in runs:
        _from_ledger(account, file, header, entries, cleaning)
    _by_tag(account, runs, older_than, cleaning)
    return cleaning


def remove(
    account: Account, cleaning: Cleaning, told: Callable[[Removal], None], waits: Waiting | None = None
) -> list[Removal]:
    """Run by run; what became of each thing goes into its ledger."""
    runs = dict.fromkeys(leftover.run for leftover in cleaning.leftovers)
    return [removal for run in runs for removal in _remove_run(account, run, cleaning.leftovers, told, waits)]


def _remove_run(
    account: Account,
    run: str,
    leftovers: Sequence[Leftover],
    told: Callable[[Removal], None],
    waits: Waiting | None,
) -> list[Removal]:
    files = {each.entry.key: each.ledger for each in leftovers if each.run == run and each.ledger is not None}
    with contextlib.ExitStack() as stack:
        open_ledgers = {file: stack.enter_context(contextlib.closing(Ledger(file))) for file in set(files.values())}

        def settled(removal: Removal) -> None:
            told(removal)
            if removal.outcome != FAILED and (file := files.get(removal.entry.key)):
                open_ledgers[file].mark(removal.entry.key, DELETED if removal.outcome == "deleted" else KEPT)

        return Teardown(account, run).remove([each.entry for each in leftovers if each.run == run], settled, waits)


Run = tuple[Path, Header, list[LedgerEntry]]


def _runs(account: Account, profile: str, folder: Path, older_than: float | None, cleaning: Cleaning) -> Iterator[Run]:
    """Ledgers to work on. One of another account is refused as a whole: nothing is touched then."""
    for file in ledgers(folder):
        try:
            header, entries = read(file)
        except LedgerUnreadable as error:
            cleaning.passed_over.append(str(error))
            continue
        if header.profile != profile:
            cleaning.passed_over.append(f"run {header.run} is of profile {header.profile!r}: clean it with that one")
        elif (header.account, header.region) != (account.id, account.region):
            raise GuardRefused(
                f"the ledger {file} is of account {header.account}, {header.region}, but profile {profile!r} is of "
                f"account {account.id}, {account.region}, so nothing was touched",
                f"use credentials and a profile of {header.account}, or move that file away if what it lists is gone",
            )
        elif alive(file):
            cleaning.passed_over.append(f"run {header.run} ({header.scenario}) is still going")
        elif older_than is not None and time.time() - header.started < older_than:
            cleaning.passed_over.append(f"run {header.run} is younger than asked for")
        else:
            yield file, header, entries


def _from_ledger(
    account: Account, file: Path, header: Header, entries: Sequence[LedgerEntry], cleaning: Cleaning
) -> None:
    for entry in entries:
        if entry.open:
            cleaning.leftovers.append(Leftover(header.run, entry, file, _told(account, entry)))


def _told(account: Account, entry: LedgerEntry) -> str:
    """Its condition, for people."""
    from botocore.exceptions import ClientError

    if entry.kind == "Bucket":
        return "to be deleted if it is empty then"
    if entry.service == "s3":
        if not s3_outputs.own(entry):
            return "was there before the run; stays"
        there = s3_outputs.count(account, entry)
        return f"{there} object{'' if there == 1 else 's'}"
    if entry.service != "sagemaker":
        return f"of {entry.service}"
    try:
        state = look(account, entry).state
    except ClientError as error:
        if stale(error):
            raise
        return f"AWS does not tell: {error}"
    return {GONE: "gone already", RUNNING: "running; to be stopped", THERE: "to be deleted"}.get(
        state, "ended; its record stays"
    )


def _by_tag(account: Account, runs: Sequence[Run], older_than: float | None, cleaning: Cleaning) -> None:
    known = {header.run for _, header, _ in runs}
    listed = {leftover.entry.key for leftover in cleaning.leftovers}
    found = search(account)
    cleaning.how = found.how
    others: dict[str, int] = {}
    for each in found.found:
        if each.entry.key in listed:
            continue
        state = look(account, each.entry).state
        if state == GONE or (is_job(each.entry) and state != RUNNING):
            continue
        if each.run in known or _forgotten(each, older_than):
            cleaning.leftovers.append(Leftover(each.run, each.entry, None, f"tagged by {each.owner or 'somebody'}"))
        else:
            others[f"{each.run} of {each.owner or 'somebody'}"] = others.get(f"{each.run} of {each.owner}", 0) + 1
    cleaning.passed_over += [
        f"run {run} has things here, has not expired and has no ledger in this project: {count} left alone"
        for run, count in others.items()
    ]


def _forgotten(found: TaggedResource, older_than: float | None) -> bool:
    """Another's run may be going on somewhere else: it is left alone until its own tag says that it is over."""
    if found.expires and found.expires < time.time():
        return True
    return older_than is not None and (begun := _begun(found.run)) is not None and time.time() - begun > older_than


def _begun(run: str) -> float | None:
    """A run's id begins with its time."""
    try:
        return datetime.strptime("-".join(run.split("-")[:2]), "%Y%m%d-%H%M%S").astimezone().timestamp()
    except ValueError:
        return None
