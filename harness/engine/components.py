"""``Components``: the parts of the emulator that everything behind its address works with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from harness.aws import AwsBackend
from harness.contract.catalog import CATALOGUED
from harness.contract.containers import ImageSource
from harness.engine.jobs.interruptions import Interruptions
from harness.kernel.clock import Clock
from harness.runners.spec import Runner
from harness.stores.logs import JobLogs
from harness.stores.package_index.job_packages import JobPackages
from harness.stores.records import RecordStore

if TYPE_CHECKING:
    from harness.engine.job_cache.lookup import Reuse


@dataclass(frozen=True)
class Components:
    """Built once by the composition root (``harness.emulator``), then handed to the engine, the gateway and services.

    A new collaborator is a field here and its construction there.
    """

    records: RecordStore
    aws: AwsBackend
    logs: JobLogs
    runner: Runner
    clock: Clock
    folder: Path
    """The folder in which jobs get their folders: ``<state>/jobs``."""
    endpoint_url: Callable[[], str]
    """Returns the emulator's address as programs reach it."""
    grace: float = 120.0
    """Seconds between SIGTERM and SIGKILL when a job is stopped."""
    images: ImageSource = CATALOGUED
    interruptions: Interruptions = field(default_factory=Interruptions)
    reuse: Reuse | None = None
    """The cache of job results. Without one, every job runs."""
    client_secret: str = "harness"
    """The secret access key that jobs sign with."""
    packages: JobPackages | None = None
    """The package index of jobs; None where there is none."""
