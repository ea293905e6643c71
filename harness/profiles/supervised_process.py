"""A scenario's process on AWS, supervised until nothing of it is left: watched, stopped, torn down, proved."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from harness.aws_run.ledger import Header, Ledger, LedgerEntry
from harness.promotion.account import Account
from harness.promotion.run_guard import RunGuard
from harness.promotion.teardown.aftermath import proof_of, tear_down
from harness.promotion.teardown.proof import Proof
from harness.promotion.teardown.run import FAILED, STEP, STILL, Removal
from harness.scenario.events import EndEvent, EventWriter, EvidenceEvent, StepEvent
from harness.scenario.run_document import RunDocument
from harness.scenario.run_folder import RunFolder

LOOK_SECONDS, CLEAN_UP_SECONDS = 5.0, 120.0


@dataclass(frozen=True)
class SupervisedRun:
    """The parts of a supervised run: its account, its ledger, and the guard that may stop it."""

    account: Account
    header: Header
    ledger: Ledger
    guard: RunGuard


class SupervisedProcess:
    """The process of a scenario. Its ``code`` is there when everything is torn down, not before."""

    def __init__(
        self,
        argv: Sequence[str],
        environment: Mapping[str, str],
        folder: RunFolder,
        document: RunDocument,
        run: SupervisedRun,
        note: Callable[[str], None],
    ) -> None:
        self._account, self._header, self._ledger, self._guard = run.account, run.header, run.ledger, run.guard
        self._events = folder.events
        self._note = note
        self.stop_reason: str | None = None
        """Why a guard stopped it, if one did."""
        self.dollars = 0.0
        """Its cost, known at its end."""
        self._code: int | None = None
        # The scenario sees the end of this pipe when this process is gone, whatever ended it.
        theirs, self._ours = os.pipe()
        aws = replace(document.aws, parent_pipe=theirs) if document.aws else None
        replace(document, aws=aws).write(folder.document)
        with folder.log.open("ab") as output:
            self._process = subprocess.Popen(
                argv,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=(theirs,),
                start_new_session=True,
            )
        os.close(theirs)
        threading.Thread(target=self._supervise, daemon=True).start()

    def code(self) -> int | None:
        """Return its exit code, once everything is torn down."""
        return self._code

    def terminate(self) -> None:
        """Request that it stops; it cleans up first."""
        if self._process.poll() is None:
            self._process.terminate()

    def kill(self) -> None:
        """Kill it and the processes that it started."""
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def leave(self) -> None:
        """Kill it when the run is given up; what is left then stays in the ledger for ``harness clean``."""
        if self._code is None:
            self.kill()
            print(
                f"harness: run {self._header.run} was given up before everything was torn down; "
                f"`harness clean --profile {self._header.profile}` removes what is left",
                file=sys.stderr,
            )

    def _supervise(self) -> None:
        code = 1
        try:
            code = self._wait()
        except Exception as error:  # nobody watches any more, so nothing may go on
            self.stop_reason = f"the run could not be watched: {type(error).__name__}: {error}"
            self.kill()
            self._process.wait()
        finally:
            try:
                self._tear_down()
            finally:
                os.close(self._ours)
                self._ledger.close()
                self._code = code

    def _wait(self) -> int:
        stopping = 0.0
        while True:
            with contextlib.suppress(subprocess.TimeoutExpired):
                return self._process.wait(timeout=1.0 if stopping else LOOK_SECONDS)
            if stopping and time.monotonic() - stopping > CLEAN_UP_SECONDS:
                self.kill()
            elif not stopping and (reason := self._guard.reason_to_stop()):
                self.stop_reason, stopping = reason, time.monotonic()
                self._note(f"stopping: {reason}")
                self.terminate()

    def _tear_down(self) -> None:
        events = EventWriter(self._events)
        events.write(StepEvent(name=STEP))
        problem = ""
        try:
            removals = tear_down(self._account, self._header, self._ledger, self._report_wait)
            proof = self._prove()
            failed = [str(removal) for removal in removals if removal.outcome == FAILED]
            self._show(events, removals, proof)
            if not proof.clean:
                problem = "; ".join([*proof.lines(), *failed])
        except Exception as error:  # whatever it is, the user must learn that something may be left
            problem = f"{type(error).__name__}: {error}"
        if problem:
            problem += f" (remove what is left with `harness clean --profile {self._header.profile}`)"
            self._note(f"TEAR-DOWN INCOMPLETE: {problem}")
        events.write(StepEvent(name=STEP, state="failed" if problem else "passed", error=problem))
        if why := self.stop_reason or problem:
            events.write(EndEvent(passed=False, traceback=why))
        events.close()

    def _report_wait(self, entry: LedgerEntry, why: str, seconds: float) -> None:
        if seconds >= STILL:
            self._note(f"tearing down for {seconds:.0f} s now: {entry.kind} {entry.name}: {why}")

    def _prove(self) -> Proof:
        proof = proof_of(self._account, self._header, self._ledger)
        for line in proof.lines():
            self._note(line)
        return proof

    def _show(self, events: EventWriter, removals: Sequence[Removal], proof: Proof) -> None:
        def show(title: str, columns: list[str], rows: list[list[str]]) -> None:
            content = {"columns": columns, "rows": rows}
            events.write(EvidenceEvent(kind="table", title=title, step=STEP, content=content))

        show("The proof that nothing billable is left", ["Found"], [[line] for line in proof.lines()])
        rows = [[removal.entry.kind, removal.entry.name, removal.reason] for removal in removals]
        show("Torn down", ["Kind", "Name", "Outcome"], rows)
        try:
            bill = self._guard.bill()
        except Exception as error:  # the bill is for information; the teardown stands without it
            self._note(f"the bill could not be made: {error}")
            return
        if bill is not None:
            self.dollars = bill.dollars
            items = [
                [item.kind, item.name, item.machines, f"{item.seconds:.0f}", _money(item.dollars)]
                for item in bill.items
            ]
            total = ["Total", "", "", "", _money(bill.dollars)]
            show("Billed", ["Kind", "Name", "Machines", "Seconds", "Dollars"], [*items, total])


def _money(dollars: float | None) -> str:
    return "not in the price table" if dollars is None else f"{dollars:.4f}"
