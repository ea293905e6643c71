"""A guard that watches a run on AWS and decides when it must stop.

Reasons are: the budget is exceeded, an endpoint does not come into service, or the credentials have expired. AWS has no
time limit for transform jobs, so the guard also stops transform jobs that run too long.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from harness.aws_run.ledger import LedgerEntry, read
from harness.aws_run.request_defaults import DEFAULT
from harness.promotion.account import Account, credentials_expired, renewal_advice
from harness.promotion.cost.meter import Bill, Meter
from harness.promotion.destination import Destination
from harness.promotion.teardown.resources import RUNNING, THERE, look, request_for, status


class RunGuard:
    """Guard of one run.

    ``cap`` is the budget in dollars (None for no budget), of which ``spent`` were used by earlier runs. ``meter`` is
    None if there is no price table.
    """

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
        """Return why the run must stop, or None. If AWS does not respond, the next call tries again."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return self._check_budget() or self._check_times()
        except (BotoCoreError, ClientError) as error:
            if credentials_expired(error):
                return f"the AWS credentials have expired: {renewal_advice(self._destination)}"
            return None

    def bill(self) -> Bill | None:
        return self._meter.bill() if self._meter else None

    def _check_budget(self) -> str | None:
        if self._cap is None or self._meter is None:
            return None
        bill = self._meter.bill()
        if bill.unpriced and not self._warned:
            self._warned = True
            self._note(f"not in the price table, so not metered: {', '.join(bill.unpriced)}")
        return budget_exceeded(self._spent + bill.dollars, self._cap)

    def _check_times(self) -> str | None:
        _, entries = read(self._ledger)
        for entry in entries:
            if entry.kind == "Endpoint" and entry.open and entry.name not in self._in_service:
                if reason := self._check_endpoint(entry):
                    return reason
            elif entry.kind == "TransformJob" and entry.open and entry.name not in self._stopped:
                self._stop_long_transform(entry)
        return None

    def _check_endpoint(self, entry: LedgerEntry) -> str | None:
        condition = look(self._account, entry)
        if condition.state != THERE or status("Endpoint", condition.description) != "Creating":
            self._in_service.add(entry.name)
            return None
        if time.time() - entry.intended < self._destination.endpoint_timeout:
            return None
        limit = self._destination.endpoint_timeout
        return f"endpoint {entry.name} did not come into service within {limit} s (endpoint_timeout of the profile)"

    def _stop_long_transform(self, entry: LedgerEntry) -> None:
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


def budget_exceeded(dollars: float, cap: float | None) -> str | None:
    if cap is None or dollars <= cap:
        return None
    return f"the run has cost ${dollars:.4f}, more than the budget of ${cap:.2f}"
