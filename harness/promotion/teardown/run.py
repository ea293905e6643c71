"""Tears down what a ledger lists, in the order that AWS allows, and says of each thing what became of it.

Stands being interrupted, being run again and finding things already deleted by hand.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import groupby

from harness.aws_run.ledger import DELETED, INTENDED, KEPT, LedgerEntry
from harness.kernel.errors import StateError
from harness.promotion.account import Account, stale
from harness.promotion.destination import RUN_TAG
from harness.promotion.teardown import s3_outputs
from harness.promotion.teardown.detach_dependents import detach_dependents
from harness.promotion.teardown.resources import ENDED as JOB_ENDED
from harness.promotion.teardown.resources import (
    GONE,
    RUNNING,
    THERE,
    Condition,
    arn_of,
    is_job,
    look,
    missing,
    order,
    request_for,
)

FAILED = "failed"
STEP = "Tear down on AWS"
"""What a report calls it, among the steps of the scenario."""
LONG, SHORT, PAUSE = 1200.0, 60.0, 3.0
"""Seconds AWS may need to let go of endpoints and jobs, and of the rest; at most so many between two looks."""
FIRST_PAUSE, STILL = 0.5, 30.0
"""Seconds before the second look, each pause after that twice the last; seconds between two words about waiting."""
SETTLING = 60.0
"""Seconds in which AWS need not show yet what it was asked to make; it is asked for a while then."""
_SLOW = frozenset(["Endpoint", "InferenceComponent", "MonitoringSchedule", "NotebookInstance", "PipelineExecution"])
_NEVER = frozenset(["AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "NotImplemented"])


Waiting = Callable[[LedgerEntry, str, float], None]
"""Told what AWS still has, why it is not gone, and for how many seconds that was waited for."""


@dataclass(frozen=True)
class Removal:
    """``outcome`` is "deleted", "kept" or "failed"; ``told`` says how or why."""

    entry: LedgerEntry
    outcome: str
    told: str

    def __str__(self) -> str:
        return f"{self.entry.kind} {self.entry.name}: {self.told}"


@dataclass(frozen=True)
class Pending:
    """Why a thing is not gone yet. ``unreached`` when AWS gave no answer: then waiting long does not help."""

    reason: str
    unreached: bool = False


class CredentialsGone(StateError):
    """The credentials expired before everything was torn down."""


class Teardown:
    """``run`` is what things must be tagged with where the ledger cannot tell whether they were made."""

    def __init__(
        self, account: Account, run: str, *, long: float = LONG, short: float = SHORT, pause: float = PAUSE
    ) -> None:
        self._account = account
        self._run = run
        self._long, self._short, self._pause = long, short, pause
        self._begun: set[tuple[str, str, str]] = set()
        """What was asked to stop or to go, and is looked at again."""
        self._missed: dict[tuple[str, str, str], float] = {}
        """What was not there at the first look, and when that was."""

    def remove(
        self, entries: Iterable[LedgerEntry], told: Callable[[Removal], None], waits: Waiting | None = None
    ) -> list[Removal]:
        """Each is told when it is settled, and once in a while when it is waited for. One kind goes side by side."""
        removals: list[Removal] = []
        for _, group in groupby(sorted(entries, key=order), key=order):
            for removal in self._settle(list(group), waits or _silent):
                removals.append(removal)
                told(removal)
        return removals

    def _settle(self, waiting: list[LedgerEntry], waits: Waiting) -> Iterable[Removal]:
        begin, pause, said = time.monotonic(), min(self._pause, FIRST_PAUSE), dict[tuple[str, str, str], float]()
        while waiting:
            left = []
            for entry in waiting:
                settled = self._attempt(entry)
                if isinstance(settled, Removal):
                    yield settled
                    continue
                slow = (is_job(entry) or entry.kind in _SLOW) and not settled.unreached
                patience, passed = self._long if slow else self._short, time.monotonic() - begin
                if passed > patience:
                    yield Removal(entry, FAILED, f"not within {patience:.0f} s: {settled.reason}")
                    continue
                left.append(entry)
                if passed >= said.get(entry.key, 0.0):
                    said[entry.key] = passed + STILL
                    waits(entry, settled.reason, passed)
            waiting = left
            if waiting:
                threading.Event().wait(pause)
                pause = min(self._pause, 2 * pause)

    def _attempt(self, entry: LedgerEntry) -> Removal | Pending:
        """Return what became of it, or why it must be tried again."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return self._stored(entry) if entry.service == "s3" else self._resource(entry)
        except ClientError as error:
            if stale(error):
                raise CredentialsGone(str(error)) from error
            if missing(error):
                return Removal(entry, DELETED, "deleted" if entry.key in self._begun else "was gone already")
            if error.response["Error"]["Code"] in _NEVER or "failed to satisfy constraint" in str(error):
                return Removal(entry, FAILED, str(error))
            return Pending(str(error))
        except (BotoCoreError, s3_outputs.NotDeleted) as error:
            if stale(error):
                raise CredentialsGone(str(error)) from error
            return Pending(f"AWS is not reached: {error}", unreached=True)

    def _resource(self, entry: LedgerEntry) -> Removal | Pending:
        client = self._account.client(entry.service)
        found = look(self._account, entry) if entry.service == "sagemaker" else Condition(THERE, {})
        if found.state == GONE:
            if time.time() - entry.at < SETTLING and entry.key not in self._begun:
                now = time.monotonic()
                if now - self._missed.setdefault(entry.key, now) < self._pause:
                    return Pending("AWS does not show it (yet)")
            return Removal(entry, DELETED, "deleted" if entry.key in self._begun else "was gone already")
        if entry.state == INTENDED and not self._ours(entry, found):
            return Removal(entry, KEPT, "exists, but does not carry this run's tag: not this run's")
        if found.state == JOB_ENDED:
            ended = "stopped" if entry.key in self._begun else "ended"
            return Removal(entry, DELETED, f"{ended}; its record stays and costs nothing")
        if found.state == RUNNING:
            if stop := request_for(client, "Stop", entry):
                getattr(client, stop[0])(**stop[1])
                self._begun.add(entry.key)
            return Pending("it is being stopped")
        request = request_for(client, "Delete", entry)
        if request is None:
            return Removal(entry, FAILED, f"harness knows no way to delete it ({entry.service}); delete it by hand")
        detach_dependents(client, entry)
        return self._delete(entry, request)

    def _delete(self, entry: LedgerEntry, request: tuple[str, dict[str, object]]) -> Removal | Pending:
        from botocore.exceptions import ClientError

        client = self._account.client(entry.service)
        try:
            getattr(client, request[0])(**request[1])
        except ClientError as error:
            stop = request_for(client, "Stop", entry)
            if stop is None or missing(error):
                raise
            getattr(client, stop[0])(**stop[1])
            return Pending(str(error))
        self._begun.add(entry.key)
        if entry.kind in _SLOW:
            # Billed until it is really gone: the next look is to find nothing.
            gone = look(self._account, entry).state == GONE
            return _deleted(entry) if gone else Pending("it is being deleted")
        return _deleted(entry)

    def _ours(self, entry: LedgerEntry, found: Condition) -> bool:
        arn = arn_of(entry, found.description)
        if not arn:
            return False
        tags = self._account.client("sagemaker").list_tags(ResourceArn=arn)["Tags"]
        return any(tag["Key"] == RUN_TAG and tag["Value"] == self._run for tag in tags)

    def _stored(self, entry: LedgerEntry) -> Removal | Pending:
        s3 = self._account.client("s3")
        if entry.kind == "Bucket":
            if entry.state == INTENDED:
                return Removal(entry, KEPT, "may have been there before; an empty bucket costs nothing")
            if s3.list_objects_v2(Bucket=entry.identity["Bucket"], MaxKeys=1)["KeyCount"]:
                return Removal(entry, KEPT, "holds objects that are not of this run")
            s3.delete_bucket(Bucket=entry.identity["Bucket"])
            return _deleted(entry)
        if not s3_outputs.own(entry):
            return Removal(entry, KEPT, "was there before the run, so it is not deleted")
        deleted = s3_outputs.delete(self._account, entry)
        return Removal(entry, DELETED, f"deleted {deleted} object{'' if deleted == 1 else 's'}")


def _silent(entry: LedgerEntry, why: str, seconds: float) -> None:
    """Nobody is told."""


def _deleted(entry: LedgerEntry) -> Removal:
    return Removal(entry, DELETED, "deleted")
