"""Preflight check of fixed resource names: each must still be free. Names with a run id or a time are always new."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from harness.aws_run.ledger import LedgerEntry
from harness.kernel.kinds import kind_of
from harness.promotion.account import Account
from harness.promotion.plan import RunPlan
from harness.promotion.preflight.findings import FAILURE, OK, Finding
from harness.promotion.teardown.resources import GONE, look

FRESH = re.compile(
    r"\d{8}-\d{6}-[0-9a-f]{4}|\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d|\d{6}-\d{4}|\d{10}|"
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
)
"""The parts of a name that are different in every run: the run's id, the SDKs' timestamps, a random number."""


def check_names(account: Account, plans: Iterable[RunPlan]) -> Iterator[Finding]:
    planned = [each for plan in plans for each in plan.resources if kind_of(each.kind).unique and each.name]
    fixed = {(each.kind, each.name) for each in planned if not FRESH.search(each.name)}
    for kind, name in sorted(fixed):
        entry = LedgerEntry("sagemaker", kind, name, "intended", 0.0, 0.0, {f"{kind}Name": name})
        if look(account, entry).state != GONE:
            yield Finding(
                "name",
                FAILURE,
                f"a {kind} named {name!r} exists already",
                "end the name with session.run_id in the scenario, or delete the existing one",
            )
        else:
            yield Finding("name", OK, f"{kind} {name!r} is free")
    if planned and not fixed:
        yield Finding("names", OK, "all are new with every run")
