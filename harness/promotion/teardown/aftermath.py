"""What follows a run on AWS: everything of its ledger is torn down and marked there, then AWS is asked for proof."""

from __future__ import annotations

from harness.aws_run.ledger import DELETED, KEPT, Header, Ledger, read
from harness.promotion.account import Account
from harness.promotion.teardown.proof import Proof, prove
from harness.promotion.teardown.run import FAILED, Removal, Teardown, Waiting


def tear_down(account: Account, header: Header, ledger: Ledger, waits: Waiting | None = None) -> list[Removal]:
    def settled(removal: Removal) -> None:
        if removal.outcome != FAILED:
            ledger.mark(removal.entry.key, DELETED if removal.outcome == "deleted" else KEPT)

    _, entries = read(ledger.file)
    return Teardown(account, header.run).remove([entry for entry in entries if entry.open], settled, waits)


def proof_of(account: Account, header: Header, ledger: Ledger) -> Proof:
    _, entries = read(ledger.file)
    return prove(account, header, entries)
