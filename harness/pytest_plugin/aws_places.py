"""Test functions on a profile of kind "aws": guarded once for a run; a ledger, tags and a prefix for each test.

Redirects no host and imports no emulator. What a test created is torn down at its end, and AWS asked for proof.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.aws_run.hooks import AwsRequestHooks
from harness.aws_run.ledger import Header, Ledger
from harness.kernel.cache import cache_folder
from harness.kernel.errors import GuardRefused
from harness.profiles.aws import LEDGERS, pointing
from harness.profiles.configuration import read_destination
from harness.promotion.account import open_account
from harness.promotion.cost.estimate import estimator
from harness.promotion.cost.meter import Meter
from harness.promotion.cost.prices import prices_of
from harness.promotion.destination import HOUR, ONE_OFF, owner
from harness.promotion.preflight.findings import WARNING
from harness.promotion.preflight.run import preflight
from harness.promotion.run_guard import RunGuard, over_budget
from harness.promotion.teardown.aftermath import proof_of, tear_down
from harness.promotion.teardown.run import FAILED
from harness.pytest_plugin.aws_requests import Relay
from harness.pytest_plugin.claims import is_left_out
from harness.pytest_plugin.places import SagemakerHarness
from harness.pytest_plugin.recognition import uses_harness
from harness.pytest_plugin.rehearsals import describe
from harness.pytest_plugin.surroundings import changed_environment, own_default_session, own_sdk_clients
from harness.pytest_plugin.watched import watched
from harness.scenario.events import EventWriter
from harness.scenario.run_folder import RunFolder, new_run_id
from harness.scenario.session import Session

if TYPE_CHECKING:
    from harness.pytest_plugin.runs import Run

_NAME = 100
"""Of a test's name, as much as goes into a tag."""


class AwsRun:
    """The account, once it is known to be the expected one; raises ``GuardRefused`` or ``StateError`` otherwise."""

    def __init__(self, run: Run) -> None:
        self._run = run
        table = {key: value for key, value in run.table.items() if key != "kind"}
        self._destination = read_destination(run.profile, table)
        self._account = open_account(self._destination)
        self._relay = Relay()
        self._relay.exempt(self._account.session)  # before it makes clients
        self._prices = prices_of(self._destination, self._destination.region, run.root)
        self._agree()
        self._id = new_run_id()
        self._spent = 0.0
        """Dollars of the tests that are over."""
        self._begun = 0

    def __str__(self) -> str:
        return f"{self._account}, run {self._id}"

    @property
    def refused(self) -> str | None:
        """Why no further test may begin, if one may not."""
        return over_budget(self._spent, self._run.budget)

    @property
    def stopped(self) -> str | None:
        return self._relay.refused

    def _agree(self) -> None:
        """The account must stand well for what the tests did before, and the estimate be within the budget."""
        run, tests = self._run, [item for item in self._run.items if uses_harness(item) and not is_left_out(item)]
        plans = run.rehearsals.plans((item.nodeid for item in tests), self._destination)
        known = [plan for plan in plans if plan.learned_from]
        found = preflight(self._account, self._destination, known)
        if found.failures:
            raise GuardRefused("\n".join(f"profile {run.profile!r}: {failure}" for failure in found.failures))
        lines = [f"{finding.state}: {finding}" for finding in found.findings if finding.state == WARNING]
        estimate = estimator(self._prices, self._destination, "--harness-budget")
        if run.budget is not None:
            dollars = estimate.hold_against(run.budget, plans)
            lines.append(f"estimate: ${dollars:.2f} (prices of {self._prices.dated}, durations of the last run here)")
        run.tell(str(self._account), lines)

    @contextlib.contextmanager
    def place(self, folder: Path, test: str) -> Iterator[SagemakerHarness]:
        self._begun += 1
        # Padded, so that no test's id is the beginning of another's.
        header = self._header(f"{self._id}-{self._begun:04d}", test)
        ledger = Ledger.begin(self._run.state / LEDGERS, header)
        meter, told = Meter(self._account, self._prices, ledger.file), list[str]()
        watch = RunGuard(
            self._account, self._destination, ledger.file, meter, self._run.budget, told.append, self._spent
        )
        try:
            with self._pointed(folder, header, ledger, watch) as place:
                yield place
        finally:
            try:
                self._leave(header, ledger, meter, told)
            finally:
                ledger.close()
        self._run.rehearsals.keep(place, on_aws=True)

    @contextlib.contextmanager
    def _pointed(self, folder: Path, header: Header, ledger: Ledger, watch: RunGuard) -> Iterator[SagemakerHarness]:
        destination, own = self._destination, RunFolder(folder).cleared()
        provisions = destination.provisions(header.run, header.scenario)
        promoted = AwsRequestHooks(header.run, provisions, ledger, destination.monitoring == ONE_OFF)
        with contextlib.ExitStack() as undo:
            undo.enter_context(changed_environment(pointing(destination, self._run.state / "client")))
            undo.enter_context(own_default_session())
            undo.enter_context(own_sdk_clients())
            undo.enter_context(self._relay.following(promoted))
            events = EventWriter(own.events)
            undo.callback(events.close)
            session = Session(header.scenario, events, self._given(header, own))
            promoted.follow(session)
            place = SagemakerHarness(
                self._run.profile,
                str(self._account),
                self._account.id,
                self._run.state,
                folder,
                session,
                ledger.file,
            )
            try:
                with watched(watch, self._relay.refuse):
                    yield place
                describe(place)
            finally:
                session.clean_up()

    def _header(self, run: str, test: str) -> Header:
        now = time.time()
        return Header(
            run=run,
            scenario=test.rsplit("::", 1)[-1][:_NAME],
            profile=self._run.profile,
            account=self._account.id,
            region=self._account.region,
            owner=owner(),
            started=now,
            expires=now + self._destination.expiry * HOUR,
        )

    def _given(self, header: Header, own: RunFolder) -> dict[str, str]:
        return own.told() | {
            "AWS_DEFAULT_REGION": self._destination.region,
            "HARNESS_ROLE": self._destination.role_arn(self._account.partition),
            "HARNESS_BUCKET": self._destination.default_bucket,
            "HARNESS_PREFIX": header.run,
            "HARNESS_RUN_ID": header.run,
            "HARNESS_FIXTURES": str(self._run.root / "fixtures"),
            "HARNESS_MADE": str(cache_folder("fixtures")),
        }

    def _leave(self, header: Header, ledger: Ledger, meter: Meter, noted: list[str]) -> None:
        """The test's own error, if any, stays; this one comes beside it, at its teardown."""
        told: list[str] = []
        try:
            failed = [str(each) for each in tear_down(self._account, header, ledger) if each.outcome == FAILED]
            proof = proof_of(self._account, header, ledger)
            told = [*proof.lines(), *(f"could not be removed: {each}" for each in failed)]
            problem = "" if proof.clean else "; ".join(told)
        except Exception as error:  # whatever it is, the user must learn that something may be left
            problem = f"{type(error).__name__}: {error}"
        if problem:
            problem += f" (remove what is left with `harness clean --profile {self._run.profile}`)"
            told = [f"TEAR-DOWN INCOMPLETE: {problem}"]
        self._run.tell(f"{self._account}, {header.scenario} (run {header.run})", [*noted, *told, *self._billed(meter)])
        if problem:
            pytest.fail(told[0], pytrace=False)

    def _billed(self, meter: Meter) -> list[str]:
        try:
            bill = meter.bill()
        except Exception as error:  # for information; the teardown stands without it
            return [f"the bill could not be made: {error}"]
        self._spent += bill.dollars
        left_out = f"; not in the price table: {', '.join(bill.unpriced)}" if bill.unpriced else ""
        return [f"billed: ${bill.dollars:.4f} (prices of {self._prices.dated}){left_out}"] if bill.items else []
