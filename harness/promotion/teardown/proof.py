"""Proof that nothing billable is left of a run: AWS is queried again after the teardown, by ledger and by tag."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass

from harness.aws_run.ledger import REFUSED, Header, LedgerEntry
from harness.promotion.account import Account, credentials_expired
from harness.promotion.teardown import s3_outputs
from harness.promotion.teardown.resources import RUNNING, THERE, Condition, is_billed, is_job, look, status
from harness.promotion.teardown.run import LONG, PAUSE
from harness.promotion.teardown.search import search


@dataclass(frozen=True)
class Proof:
    """Result of the check. ``checked`` says what was queried, ``left`` what is still billed, ``kept`` what may stay."""

    checked: str
    left: tuple[str, ...]
    kept: tuple[str, ...]

    @property
    def clean(self) -> bool:
        return not self.left

    def lines(self) -> list[str]:
        kept = [f"kept: {line}" for line in self.kept]
        if self.clean:
            return [f"nothing billable is left: {self.checked}", *kept]
        return [f"LEFT on AWS: {line}" for line in self.left] + kept


def prove(account: Account, header: Header, entries: Iterable[LedgerEntry]) -> Proof:
    created = [entry for entry in entries if entry.state != REFUSED]
    resources = [entry for entry in created if entry.service == "sagemaker" and is_billed(entry)]
    prefixes = [entry for entry in created if entry.service == "s3" and entry.kind != "Bucket"]
    others = [entry for entry in created if entry.service not in ("sagemaker", "s3") and entry.open]
    result = search(account, header.run, header.started - 300)
    known = {entry.key for entry in resources}
    tagged = [each.entry for each in result.resources if each.entry.key not in known and is_billed(each.entry)]
    left = [line for entry in (*resources, *tagged) if (line := _billed_line(account, entry))]
    left += [f"{entry.service} {entry.kind} {entry.name} (not known to be billed)" for entry in others]
    kept: list[str] = []
    for entry in prefixes:
        if there := s3_outputs.count(account, entry):
            line = f"{entry.name} ({there} object{'' if there == 1 else 's'})"
            (left if s3_outputs.is_own(entry) else kept).append(line)
    jobs = sum(1 for entry in resources if is_job(entry))
    checked = (
        f"checked {jobs} jobs, {len(resources) - jobs} endpoints and schedules, {len(prefixes)} S3 prefixes, and "
        f"everything tagged with this run by {result.how}"
    )
    return Proof(checked, tuple(left), tuple(kept))


def _billed_line(account: Account, entry: LedgerEntry) -> str:
    """Return a line about a resource that costs money now or whose state is not known; else an empty string."""
    from botocore.exceptions import ClientError

    try:
        state = _wait_until_deleted(account, entry).state
    except ClientError as error:
        if credentials_expired(error):
            raise
        return f"{entry.kind} {entry.name} (its state is not known: {error})"
    return f"{entry.kind} {entry.name} ({state})" if state in (RUNNING, THERE) else ""


def _wait_until_deleted(account: Account, entry: LedgerEntry) -> Condition:
    """Return the state of a resource; wait while it is still being deleted, for example by the scenario itself."""
    begin = time.monotonic()
    while status(entry.kind, (condition := look(account, entry)).description) == "Deleting":
        if time.monotonic() - begin > LONG:
            break
        threading.Event().wait(PAUSE)
    return condition
