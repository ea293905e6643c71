"""Teardown of the resources in a ledger, in the order that AWS allows, with a result for each resource.

It can be interrupted and run again, and accepts resources that were deleted by hand.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import groupby

from harness.aws_run.ledger import DELETED, INTENDED, KEPT, LedgerEntry
from harness.kernel.errors import StateError
from harness.promotion.account import Account, credentials_expired
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
    is_missing,
    look,
    order,
    request_for,
)

FAILED = "failed"
STEP = "Tear down on AWS"
"""The title of the teardown among the steps of a report."""
LONG, SHORT, PAUSE = 1200.0, 60.0, 3.0
"""Seconds to wait at most for endpoints and jobs, for all other kinds, and between two checks."""
FIRST_PAUSE, STILL = 0.5, 30.0
"""Seconds before the second check (each later pause is twice as long), and between two notices about waiting."""
SETTLING = 60.0
"""Seconds in which AWS may not show a new resource yet; a missing resource is checked again within them."""
_SLOW = frozenset(["Endpoint", "InferenceComponent", "MonitoringSchedule", "NotebookInstance", "PipelineExecution"])
_NEVER = frozenset(["AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "NotImplemented"])


Waiting = Callable[[LedgerEntry, str, float], None]
"""Called with a resource that still exists, the reason, and the seconds waited so far."""


@dataclass(frozen=True)
class Removal:
    """The result for one resource. ``outcome`` is "deleted", "kept" or "failed"; ``reason`` says how or why."""

    entry: LedgerEntry
    outcome: str
    reason: str

    def __str__(self) -> str:
        return f"{self.entry.kind} {self.entry.name}: {self.reason}"


@dataclass(frozen=True)
class Pending:
    """The reason why a resource is not removed yet. ``unreached`` is true if AWS gave no answer."""

    reason: str
    unreached: bool = False


class CredentialsGone(StateError):
    """The credentials expired before the teardown was complete."""


class Teardown:
    """Removes resources of one run. ``run`` is the tag that identifies a resource whose creation was not confirmed."""

    def __init__(
        self, account: Account, run: str, *, long: float = LONG, short: float = SHORT, pause: float = PAUSE
    ) -> None:
        self._account = account
        self._run = run
        self._long, self._short, self._pause = long, short, pause
        self._removing: set[tuple[str, str, str]] = set()
        """Resources that are being stopped or deleted, and are checked again."""
        self._missed: dict[tuple[str, str, str], float] = {}
        """Resources that did not exist at the first check, with its time."""

    def remove(
        self, entries: Iterable[LedgerEntry], on_removal: Callable[[Removal], None], waits: Waiting | None = None
    ) -> list[Removal]:
        """Remove the entries kind by kind; entries of one kind are removed side by side.

        ``on_removal`` is called with each result, ``waits`` now and then for a resource that takes long.
        """
        removals: list[Removal] = []
        for _, group in groupby(sorted(entries, key=order), key=order):
            for removal in self._settle(list(group), waits or _ignore_waiting):
                removals.append(removal)
                on_removal(removal)
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
                    yield Removal(entry, FAILED, f"not removed within {patience:.0f} s: {settled.reason}")
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
        """Return the result for a resource, or the reason to try again."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return self._remove_from_s3(entry) if entry.service == "s3" else self._remove_resource(entry)
        except ClientError as error:
            if credentials_expired(error):
                raise CredentialsGone(str(error)) from error
            if is_missing(error):
                return Removal(entry, DELETED, "deleted" if entry.key in self._removing else "was gone already")
            if error.response["Error"]["Code"] in _NEVER or "failed to satisfy constraint" in str(error):
                return Removal(entry, FAILED, str(error))
            return Pending(str(error))
        except (BotoCoreError, s3_outputs.NotDeleted) as error:
            if credentials_expired(error):
                raise CredentialsGone(str(error)) from error
            return Pending(f"AWS cannot be reached: {error}", unreached=True)

    def _remove_resource(self, entry: LedgerEntry) -> Removal | Pending:
        client = self._account.client(entry.service)
        condition = look(self._account, entry) if entry.service == "sagemaker" else Condition(THERE, {})
        if condition.state == GONE:
            if time.time() - entry.at < SETTLING and entry.key not in self._removing:
                now = time.monotonic()
                if now - self._missed.setdefault(entry.key, now) < self._pause:
                    return Pending("AWS does not show it yet")
            return Removal(entry, DELETED, "deleted" if entry.key in self._removing else "was gone already")
        if entry.state == INTENDED and not self._has_run_tag(entry, condition):
            return Removal(entry, KEPT, "exists, but does not carry this run's tag, so it is not deleted")
        if condition.state == JOB_ENDED:
            ended = "stopped" if entry.key in self._removing else "ended"
            return Removal(entry, DELETED, f"{ended}; its record stays and costs nothing")
        if condition.state == RUNNING:
            if stop := request_for(client, "Stop", entry):
                getattr(client, stop[0])(**stop[1])
                self._removing.add(entry.key)
            return Pending("it is being stopped")
        request = request_for(client, "Delete", entry)
        if request is None:
            return Removal(entry, FAILED, f"harness cannot delete resources of {entry.service}; delete it by hand")
        detach_dependents(client, entry)
        return self._delete(entry, request)

    def _delete(self, entry: LedgerEntry, request: tuple[str, dict[str, object]]) -> Removal | Pending:
        from botocore.exceptions import ClientError

        client = self._account.client(entry.service)
        try:
            getattr(client, request[0])(**request[1])
        except ClientError as error:
            stop = request_for(client, "Stop", entry)
            if stop is None or is_missing(error):
                raise
            getattr(client, stop[0])(**stop[1])
            return Pending(str(error))
        self._removing.add(entry.key)
        if entry.kind in _SLOW:
            # It is billed until it is gone, so the next check must confirm that.
            gone = look(self._account, entry).state == GONE
            return _as_deleted(entry) if gone else Pending("it is being deleted")
        return _as_deleted(entry)

    def _has_run_tag(self, entry: LedgerEntry, condition: Condition) -> bool:
        arn = arn_of(entry, condition.description)
        if not arn:
            return False
        tags = self._account.client("sagemaker").list_tags(ResourceArn=arn)["Tags"]
        return any(tag["Key"] == RUN_TAG and tag["Value"] == self._run for tag in tags)

    def _remove_from_s3(self, entry: LedgerEntry) -> Removal | Pending:
        s3 = self._account.client("s3")
        if entry.kind == "Bucket":
            if entry.state == INTENDED:
                return Removal(entry, KEPT, "may have existed before the run; an empty bucket costs nothing")
            if s3.list_objects_v2(Bucket=entry.identity["Bucket"], MaxKeys=1)["KeyCount"]:
                return Removal(entry, KEPT, "holds objects of others")
            s3.delete_bucket(Bucket=entry.identity["Bucket"])
            return _as_deleted(entry)
        if not s3_outputs.is_own(entry):
            return Removal(entry, KEPT, "existed before the run, so it is not deleted")
        deleted = s3_outputs.delete(self._account, entry)
        return Removal(entry, DELETED, f"deleted {deleted} object{'' if deleted == 1 else 's'}")


def _ignore_waiting(entry: LedgerEntry, why: str, seconds: float) -> None:
    """Ignore a notice about waiting."""


def _as_deleted(entry: LedgerEntry) -> Removal:
    return Removal(entry, DELETED, "deleted")
