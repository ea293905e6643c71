"""The end of a run on AWS: tear down everything in its ledger, then verify that nothing billable is left."""

from __future__ import annotations

from harness.aws_run.ledger import DELETED, KEPT, Header, Ledger, read
from harness.promotion.account import Account
from harness.promotion.teardown.proof import Proof, prove
from harness.promotion.teardown.run import FAILED, Removal, Teardown, Waiting


def tear_down(account: Account, header: Header, ledger: Ledger, waits: Waiting | None = None) -> list[Removal]:
    def mark(removal: Removal) -> None:
        if removal.outcome != FAILED:
            ledger.mark(removal.entry.key, DELETED if removal.outcome == "deleted" else KEPT)

    _, entries = read(ledger.file)
    return Teardown(account, header.run).remove([entry for entry in entries if entry.open], mark, waits)


def proof_of(account: Account, header: Header, ledger: Ledger) -> Proof:
    _, entries = read(ledger.file)
    return prove(account, header, entries)
