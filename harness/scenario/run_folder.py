"""The folder of one run: what its program tells and prints, and where it works; and the id that a run goes by."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from pathlib import Path

from harness.kernel.files import PRIVATE_FOLDER

EVENTS = "events.jsonl"


@dataclass(frozen=True)
class RunFolder:
    path: Path

    @property
    def events(self) -> Path:
        """What the session tells, one JSON object a line."""
        return self.path / EVENTS

    @property
    def log(self) -> Path:
        """What the program prints."""
        return self.path / "scenario.log"

    @property
    def work(self) -> Path:
        """``session.work``: downloads and the like."""
        return self.path / "work"

    def cleared(self) -> RunFolder:
        """Ready for a run: nothing of an earlier one is taken for this one's."""
        self.work.mkdir(parents=True, exist_ok=True)
        self.path.chmod(PRIVATE_FOLDER)
        for left in (self.events, self.log):
            left.unlink(missing_ok=True)
        return self

    def told(self) -> dict[str, str]:
        """What the run's program finds in its environment."""
        return {"HARNESS_EVENTS": str(self.events), "HARNESS_WORK": str(self.work)}


def new_run_id() -> str:
    """When it began, for people, and what no other run of that second has."""
    return time.strftime("%Y%m%d-%H%M%S-") + secrets.token_hex(2)
