"""Test functions on AWS: one check of the account for a run; a ledger, tags and a prefix for each test.

Redirects no host and imports no emulator. What a test created is torn down at its end, and that is proved.
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
from harness.profiles.aws import LEDGERS, aws_wiring
from harness.promotion.account import open_account
from harness.promotion.cost.estimate import estimator
from harness.promotion.cost.meter import Meter
from harness.promotion.cost.prices import prices_of
from harness.promotion.destination import HOUR, ONE_OFF, Destination, owner
from harness.promotion.preflight.findings import WARNING
from harness.promotion.preflight.run import preflight
from harness.promotion.run_guard import RunGuard, budget_exceeded
from harness.promotion.teardown.aftermath import proof_of, tear_down
from harness.promotion.teardown.run import FAILED
from harness.pytest_plugin.aws_requests import Relay
from harness.pytest_plugin.claims import is_left_out
from harness.pytest_plugin.emulator_target import SagemakerHarness
from harness.pytest_plugin.recognition import uses_harness
from harness.pytest_plugin.rehearsals import describe
from harness.pytest_plugin.surroundings import changed_environment, own_default_session, own_sdk_clients
from harness.pytest_plugin.watched import stop_when_refused
from harness.scenario.events import EventWriter
from harness.scenario.run_document import RunDocument
from harness.scenario.run_folder import RunFolder, new_run_id
from harness.scenario.session import Session

if TYPE_CHECKING:
    from harness.pytest_plugin.runs import Run

_NAME = 100
"""The longest part of a test's name that goes into a tag."""


class AwsRun:
    """The account, once it is known to be the expected one; raises ``GuardRefused`` or ``StateError`` otherwise."""

    def __init__(self, run: Run, destination: Destination) -> None:
        self._run = run
        self._destination = destination
        self._account = open_account(self._destination)
        self._relay = Relay()
        self._relay.exempt(self._account.session)  # before it makes clients
        self._prices = prices_of(self._destination, self._destination.region, run.root)
        self._agree()
        self._id = new_run_id()
        self._spent = 0.0
        """The dollars of the tests that are over."""
        self._begun = 0

    def __str__(self) -> str:
        return f"{self._account}, run {self._id}"

    @property
    def refused(self) -> str | None:
        """Why no further test may begin, if one may not."""
        return budget_exceeded(self._spent, self._run.budget)

    @property
    def stopped(self) -> str | None:
        """Why the current test may create nothing more."""
        return self._relay.refused

    def _agree(self) -> None:
        """Check the account for what the tests did before, and compare the estimate with the budget."""
        run, tests = self._run, [item for item in self._run.items if uses_harness(item) and not is_left_out(item)]
        plans = run.rehearsals.plans((item.nodeid for item in tests), self._destination)
        known = [plan for plan in plans if plan.learned_from]
        result = preflight(self._account, self._destination, known)
        if result.failures:
            raise GuardRefused("\n".join(f"profile {run.profile_name!r}: {failure}" for failure in result.failures))
        lines = [f"{finding.state}: {finding}" for finding in result.findings if finding.state == WARNING]
        estimate = estimator(self._prices, self._destination, "--harness-budget")
        if run.budget is not None:
            dollars = estimate.check_budget(run.budget, plans)
            lines.append(f"estimate: ${dollars:.2f} (prices of {self._prices.dated}, durations of the last run here)")
        run.add_messages(str(self._account), lines)

    @contextlib.contextmanager
    def open(self, folder: Path, test: str) -> Iterator[SagemakerHarness]:
        """Give a test a ledger and a prefix of its own, and tear down what it created."""
        self._begun += 1
        # Padded, so that no test's id is the beginning of another's.
        header = self._header(f"{self._id}-{self._begun:04d}", test)
        ledger = Ledger.begin(self._run.state / LEDGERS, header)
        meter, notes = Meter(self._account, self._prices, ledger.file), list[str]()
        guard = RunGuard(
            self._account, self._destination, ledger.file, meter, self._run.budget, notes.append, self._spent
        )
        try:
            with self._use(folder, header, ledger, guard) as harness:
                yield harness
        finally:
            try:
                self._leave(header, ledger, meter, notes)
            finally:
                ledger.close()
        self._run.rehearsals.keep(harness, on_aws=True)

    @contextlib.contextmanager
    def _use(self, folder: Path, header: Header, ledger: Ledger, guard: RunGuard) -> Iterator[SagemakerHarness]:
        destination, own = self._destination, RunFolder(folder).prepare()
        defaults = destination.request_defaults(header.run, header.scenario)
        hooks = AwsRequestHooks(header.run, defaults, ledger, destination.monitoring == ONE_OFF)
        with contextlib.ExitStack() as undo:
            undo.enter_context(changed_environment(aws_wiring(destination, self._run.state / "client")))
            undo.enter_context(own_default_session())
            undo.enter_context(own_sdk_clients())
            undo.enter_context(self._relay.follow(hooks))
            events = EventWriter(own.events)
            undo.callback(events.close)
            session = Session(header.scenario, events, self._document(header, own))
            hooks.follow(session)
            harness = SagemakerHarness(
                self._run.profile_name,
                str(self._account),
                self._account.id,
                self._run.state,
                folder,
                session,
                ledger.file,
            )
            try:
                with stop_when_refused(guard, self._relay.refuse):
                    yield harness
                describe(harness)
            finally:
                session.clean_up()

    def _header(self, run: str, test: str) -> Header:
        now = time.time()
        return Header(
            run=run,
            scenario=test.rsplit("::", 1)[-1][:_NAME],
            profile=self._run.profile_name,
            account=self._account.id,
            region=self._account.region,
            owner=owner(),
            started=now,
            expires=now + self._destination.expiry * HOUR,
        )

    def _document(self, header: Header, own: RunFolder) -> RunDocument:
        return RunDocument(
            run_id=header.run,
            region=self._destination.region,
            role=self._destination.role_arn(self._account.partition),
            bucket=self._destination.default_bucket,
            fixtures=self._run.root / "fixtures",
            generated_fixtures=cache_folder("fixtures"),
            work=own.work,
            events=own.events,
            bucket_prefix=header.run,
        )

    def _leave(self, header: Header, ledger: Ledger, meter: Meter, notes: list[str]) -> None:
        """Tear down, and fail the test's teardown where that is not complete; the test's own error is kept."""
        lines: list[str] = []
        try:
            failed = [str(each) for each in tear_down(self._account, header, ledger) if each.outcome == FAILED]
            proof = proof_of(self._account, header, ledger)
            lines = [*proof.lines(), *(f"could not be removed: {each}" for each in failed)]
            problem = "" if proof.clean else "; ".join(lines)
        except Exception as error:  # whatever it is, the user must learn that something may be left
            problem = f"{type(error).__name__}: {error}"
        if problem:
            problem += f" (remove what is left with `harness clean --profile {self._run.profile_name}`)"
            lines = [f"TEAR-DOWN INCOMPLETE: {problem}"]
        subject = f"{self._account}, {header.scenario} (run {header.run})"
        self._run.add_messages(subject, [*notes, *lines, *self._bill(meter)])
        if problem:
            pytest.fail(lines[0], pytrace=False)

    def _bill(self, meter: Meter) -> list[str]:
        try:
            bill = meter.bill()
        except Exception as error:  # for information; the teardown stands without it
            return [f"the bill could not be made: {error}"]
        self._spent += bill.dollars
        left_out = f"; not in the price table: {', '.join(bill.unpriced)}" if bill.unpriced else ""
        return [f"billed: ${bill.dollars:.4f} (prices of {self._prices.dated}){left_out}"] if bill.items else []
