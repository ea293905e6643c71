"""Looks at a run while it goes, and says when it must stop: the budget, an endpoint that never comes up, credentials.

Transform jobs have no time limit of AWS's own; those that run too long are stopped here.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from harness.aws_run.ledger import LedgerEntry, read
from harness.aws_run.request_defaults import DEFAULT
from harness.promotion.account import Account, renewal, stale
from harness.promotion.cost.meter import Bill, Meter
from harness.promotion.destination import Destination
from harness.promotion.teardown.resources import RUNNING, THERE, look, request_for, status


class RunGuard:
    """``cap`` is in dollars, of which ``spent`` are gone already; None for no budget. ``meter`` is None where no price
    table is at hand."""

    def __init__(
        self,
        account: Account,
        destination: Destination,
        ledger: Path,
        meter: Meter | None,
        cap: float | None,
        note: Callable[[str], None],
        spent: float = 0.0,
    ) -> None:
        self._account = account
        self._destination = destination
        self._ledger = ledger
        self._meter = meter
        self._cap = cap
        self._note = note
        self._spent = spent
        self._in_service: set[str] = set()
        self._stopped: set[str] = set()
        self._warned = False

    def reason_to_stop(self) -> str | None:
        """What AWS does not answer this time, it is asked the next time."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return self._over_budget() or self._over_time()
        except (BotoCoreError, ClientError) as error:
            if stale(error):
                return f"the AWS credentials have expired: {renewal(self._destination)}"
            return None

    def bill(self) -> Bill | None:
        return self._meter.bill() if self._meter else None

    def _over_budget(self) -> str | None:
        if self._cap is None or self._meter is None:
            return None
        bill = self._meter.bill()
        if bill.unpriced and not self._warned:
            self._warned = True
            self._note(f"not in the price table, so not metered: {', '.join(bill.unpriced)}")
        return over_budget(self._spent + bill.dollars, self._cap)

    def _over_time(self) -> str | None:
        _, entries = read(self._ledger)
        for entry in entries:
            if entry.kind == "Endpoint" and entry.open and entry.name not in self._in_service:
                if reason := self._endpoint(entry):
                    return reason
            elif entry.kind == "TransformJob" and entry.open and entry.name not in self._stopped:
                self._transform_job(entry)
        return None

    def _endpoint(self, entry: LedgerEntry) -> str | None:
        found = look(self._account, entry)
        if found.state != THERE or status("Endpoint", found.description) != "Creating":
            self._in_service.add(entry.name)
            return None
        if time.time() - entry.intended < self._destination.endpoint_timeout:
            return None
        limit = self._destination.endpoint_timeout
        return f"endpoint {entry.name} did not come into service within {limit} s (endpoint_timeout of the profile)"

    def _transform_job(self, entry: LedgerEntry) -> None:
        table = self._destination.max_runtime
        limit = table.get(entry.step or "") or table.get("TransformJob") or table.get(DEFAULT)
        if not limit or time.time() - entry.intended < limit:
            return
        client = self._account.client("sagemaker")
        stop = request_for(client, "Stop", entry)
        if stop and look(self._account, entry).state == RUNNING:
            self._note(f"TransformJob {entry.name} is stopped after {limit} s (max_runtime of the profile)")
            getattr(client, stop[0])(**stop[1])
        self._stopped.add(entry.name)


def over_budget(dollars: float, cap: float | None) -> str | None:
    if cap is None or dollars <= cap:
        return None
    return f"the run has cost ${dollars:.4f}, more than the budget of ${cap:.2f}"
