"""The proof that nothing billable is left of a run: asks AWS again, by ledger and by tag, after the teardown."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass

from harness.aws_run.ledger import REFUSED, Header, LedgerEntry
from harness.promotion.account import Account, stale
from harness.promotion.teardown import s3_outputs
from harness.promotion.teardown.resources import RUNNING, THERE, Condition, billed, is_job, look, status
from harness.promotion.teardown.run import LONG, PAUSE
from harness.promotion.teardown.search import search


@dataclass(frozen=True)
class Proof:
    """``asked`` says what AWS was asked about; ``left`` what is billed and still there, ``kept`` what is on purpose."""

    asked: str
    left: tuple[str, ...]
    kept: tuple[str, ...]

    @property
    def clean(self) -> bool:
        return not self.left

    def lines(self) -> list[str]:
        kept = [f"kept: {line}" for line in self.kept]
        if self.clean:
            return [f"nothing billable is left: {self.asked}", *kept]
        return [f"LEFT on AWS: {line}" for line in self.left] + kept


def prove(account: Account, header: Header, entries: Iterable[LedgerEntry]) -> Proof:
    made = [entry for entry in entries if entry.state != REFUSED]
    resources = [entry for entry in made if entry.service == "sagemaker" and billed(entry)]
    places = [entry for entry in made if entry.service == "s3" and entry.kind != "Bucket"]
    others = [entry for entry in made if entry.service not in ("sagemaker", "s3") and entry.open]
    found = search(account, header.run, header.started - 300)
    known = {entry.key for entry in resources}
    tagged = [each.entry for each in found.found if each.entry.key not in known and billed(each.entry)]
    left = [line for entry in (*resources, *tagged) if (line := _costing(account, entry))]
    left += [f"{entry.service} {entry.kind} {entry.name} (not known to be billed)" for entry in others]
    kept: list[str] = []
    for entry in places:
        if there := s3_outputs.count(account, entry):
            line = f"{entry.name} ({there} object{'' if there == 1 else 's'})"
            (left if s3_outputs.own(entry) else kept).append(line)
    jobs = sum(1 for entry in resources if is_job(entry))
    asked = (
        f"AWS was asked about {jobs} jobs, {len(resources) - jobs} endpoints and schedules, {len(places)} places in "
        f"S3, and about everything tagged with this run by {found.how}"
    )
    return Proof(asked, tuple(left), tuple(kept))


def _costing(account: Account, entry: LedgerEntry) -> str:
    """What costs money now, or cannot be asked about; else nothing."""
    from botocore.exceptions import ClientError

    try:
        state = _settled(account, entry).state
    except ClientError as error:
        if stale(error):
            raise
        return f"{entry.kind} {entry.name}, as far as is known: {error}"
    return f"{entry.kind} {entry.name} ({state})" if state in (RUNNING, THERE) else ""


def _settled(account: Account, entry: LedgerEntry) -> Condition:
    """What the scenario itself deleted last may still be on its way out."""
    begin = time.monotonic()
    while status(entry.kind, (found := look(account, entry)).description) == "Deleting":
        if time.monotonic() - begin > LONG:
            break
        threading.Event().wait(PAUSE)
    return found
