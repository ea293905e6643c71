"""The folder of one run, and the id that a run goes by."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from pathlib import Path

from harness.kernel.files import PRIVATE_FOLDER

EVENTS = "events.jsonl"


@dataclass(frozen=True)
class RunFolder:
    """The files of one run: its configuration, its events, its log and its downloads."""

    path: Path

    @property
    def document(self) -> Path:
        """The run's configuration (``RunDocument``), while it runs."""
        return self.path / "run.json"

    @property
    def events(self) -> Path:
        """The session's events, one JSON object a line."""
        return self.path / EVENTS

    @property
    def log(self) -> Path:
        """The output of the scenario's program."""
        return self.path / "scenario.log"

    @property
    def work(self) -> Path:
        """``session.work``: downloads and the like."""
        return self.path / "work"

    def prepare(self) -> RunFolder:
        """Make the folder, and remove the files of an earlier run."""
        self.work.mkdir(parents=True, exist_ok=True)
        self.path.chmod(PRIVATE_FOLDER)
        for left in (self.document, self.events, self.log):
            left.unlink(missing_ok=True)
        return self

    def remove_document(self) -> None:
        """Remove the configuration of a run that has ended."""
        self.document.unlink(missing_ok=True)


def new_run_id() -> str:
    """Make an id from the time, for people, and random digits, as runs may begin in the same second."""
    return time.strftime("%Y%m%d-%H%M%S-") + secrets.token_hex(2)
