"""The running bill of a run on AWS: billed seconds of the resources in its ledger, times the prices of their machines.

Storage, requests and data transfer are not metered, because they cost very little compared with machines.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from harness.aws_run.ledger import REFUSED, LedgerEntry, read
from harness.kernel.kinds import TRAINING, kind_of
from harness.promotion.account import Account, credentials_expired
from harness.promotion.cost.budget import Prices
from harness.promotion.teardown.detach_dependents import executions
from harness.promotion.teardown.resources import GONE, RUNNING, is_job, look

HOUR = 3600.0


@dataclass(frozen=True)
class BillItem:
    """One line of a bill. ``dollars`` is None if the price table does not have one of the instance types."""

    kind: str
    name: str
    step: str | None
    machines: str
    seconds: float
    dollars: float | None


@dataclass(frozen=True)
class Bill:
    items: tuple[BillItem, ...]

    @property
    def dollars(self) -> float:
        return sum(item.dollars or 0.0 for item in self.items)

    @property
    def unpriced(self) -> list[str]:
        return [f"{item.kind} {item.name} on {item.machines}" for item in self.items if item.dollars is None]


class Meter:
    """Computes the bill of one run; it remembers the seconds of resources that have ended."""

    def __init__(self, account: Account, prices: Prices, ledger: Path) -> None:
        self._account = account
        self._prices = prices
        self._ledger = ledger
        self._ended: dict[tuple[str, str, str], float] = {}
        """Billed seconds of jobs that have ended, so that AWS is not called for them again."""

    def bill(self) -> Bill:
        _, entries = read(self._ledger)
        created = [entry for entry in entries if entry.service == "sagemaker" and entry.state != REFUSED]
        configs = {entry.name: entry.instances for entry in created if kind_of(entry.kind).is_definition}
        return Bill(tuple(item for entry in created for item in self._items(entry, configs)))

    def _items(self, entry: LedgerEntry, configs: Mapping[str, tuple[Mapping[str, Any], ...]]) -> Iterator[BillItem]:
        if kind_of(entry.kind).is_definition:
            return
        instances = entry.instances or configs.get(str(entry.detail.get("config")), ())
        if entry.kind == "MonitoringSchedule":
            for name in self._executions(entry):
                job = LedgerEntry("sagemaker", "ProcessingJob", name, entry.state, entry.at, entry.at, {}, instances)
                yield self._item(job, instances)
            return
        if instances:
            yield self._item(entry, instances)

    def _item(self, entry: LedgerEntry, instances: tuple[Mapping[str, Any], ...]) -> BillItem:
        seconds = self._seconds(entry)
        use = kind_of(entry.kind).use or TRAINING
        prices = [(self._prices.hourly(each["InstanceType"], use), int(each["InstanceCount"])) for each in instances]
        hourly = [price * count for price, count in prices if price is not None]
        dollars = sum(hourly) * seconds / HOUR if len(hourly) == len(prices) else None
        machines = " + ".join(f"{each['InstanceCount']} x {each['InstanceType']}" for each in instances)
        return BillItem(entry.kind, entry.name, entry.step, machines, seconds, dollars)

    def _seconds(self, entry: LedgerEntry) -> float:
        if entry.key in self._ended:
            return self._ended[entry.key]
        if not is_job(entry):
            return (time.time() if entry.open else entry.at) - entry.intended
        condition = look(self._account, entry)
        seconds = _job_seconds(entry, condition.description)
        if condition.state not in (RUNNING, GONE):
            self._ended[entry.key] = seconds
        return seconds

    def _executions(self, entry: LedgerEntry) -> list[str]:
        from botocore.exceptions import ClientError

        try:
            return list(executions(self._account.client("sagemaker"), entry.name))
        except ClientError as error:
            if credentials_expired(error):
                raise
            return []  # the schedule is gone, and its list with it


def _job_seconds(entry: LedgerEntry, description: Mapping[str, Any]) -> float:
    """Return the billed seconds of a job: 0 until its machines have started."""
    if billable := description.get("BillableTimeInSeconds"):
        return float(billable)
    start, end = kind_of(entry.kind).times if kind_of(entry.kind).run else ("CreationTime", "EndTime")
    started, ended = description.get(start), description.get(end)
    if not isinstance(started, datetime):
        return 0.0
    last = ended.timestamp() if isinstance(ended, datetime) else time.time()
    return max(0.0, last - started.timestamp())
