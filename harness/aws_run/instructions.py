"""``AwsInstructions``: what a profile of kind aws hands to the scenario's process."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness.aws_run.request_defaults import RequestDefaults


@dataclass(frozen=True)
class AwsInstructions:
    """How the scenario's process completes its requests to AWS, and where it records what it creates."""

    run: str
    ledger: Path
    defaults: RequestDefaults
    monitor_at_once: bool = True
    """Whether the analyzer runs at once where a scenario waits for its schedule."""
    parent_pipe: int | None = None
    """The descriptor of a pipe that ends when the parent process ends."""
