"""Which concrete class plays which part. Each is imported when it is built, since starting is timed."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from harness.engine import Engine
from harness.kernel.clock import Clock
from harness.runners.process.interpreters import WarmInterpreters
from harness.runners.spec import Runner
from harness.services.registry import operation
from harness.services.scope import Operation
from harness.settings import Settings
from harness.stores.aws_backends import AwsBackend
from harness.stores.log_files import StoredLogs
from harness.stores.records import RecordStore

Call = Callable[[str, str, str, Mapping[str, Any]], Mapping[str, Any]]
"""``(account, region, operation, request) -> answer``: the port through which composite jobs start others."""

Adopt = Callable[[socket.socket], Callable[[], None]]
"""Have the emulator serve on a listening socket made elsewhere, until the function returned is called."""


class RunningEngine(Engine, Protocol):
    """What the composition root asks of an engine besides what services do. All of it blocks; none runs on the loop."""

    def recover(self) -> object:
        """Once, before the first request: settle what was in flight when the predecessor was killed."""

    def advance(self, seconds: float) -> Mapping[str, Any]:
        """Move the clock, running what becomes due in order; returns when that has finished, and says what ran."""

    def warm_up(self) -> None:
        """In the background after the start: warm parents for the images that need nothing installed."""

    def reset(self) -> None:
        """Stop everything and forget it; the records go right after."""

    def close(self) -> None: ...


class KeptLogs(StoredLogs, Protocol):
    def close(self) -> None: ...


@dataclass(frozen=True)
class Ground:
    """What the parts stand on. The port is taken before any part is built; it is served once all are."""

    settings: Settings
    folder: Path
    port: int
    address: str
    """The emulator's address as programs reach it."""
    clock: Clock
    adopt: Adopt
    call: Call


@dataclass(frozen=True)
class Foundation:
    """What an engine is built on."""

    ground: Ground
    records: RecordStore
    logs: KeptLogs
    aws: AwsBackend
    runner: Runner


def build_records(ground: Ground) -> RecordStore:
    if ground.settings.ephemeral:
        from harness.stores.memory import MemoryRecords

        return MemoryRecords()
    from harness.stores.sqlite import SqliteRecords

    return SqliteRecords(ground.folder / "records.sqlite")


def build_logs(ground: Ground) -> KeptLogs:
    from harness.stores.log_files import LogFiles

    return LogFiles(ground.folder / "logs", ground.settings.log_limit_mb)


def build_aws(ground: Ground, logs: KeptLogs) -> AwsBackend:
    from harness.stores.aws_backends.moto import MotoBackend

    settings = ground.settings
    moto = MotoBackend(ground.folder, logs, settings.account, settings.region)
    if settings.aws_backend == "localstack":
        from harness.emulator.localstack import source
        from harness.stores.aws_backends.remote import LocalStackBackend

        found = source(ground.folder, settings.install)
        return LocalStackBackend(found, moto, logs, ground.folder, settings.account, settings.region)
    return moto


def build_runner(ground: Ground) -> Runner:
    from harness.runners.process.environments import Environments
    from harness.runners.process.pool import WarmPool
    from harness.runners.process.runner import ProcessRunner

    return ProcessRunner(
        ground.folder / "runs",
        environments=Environments(install=ground.settings.install),
        port=ground.port,
        adopt=ground.adopt,
        hidden=(Path.home(), ground.folder),
        pool=WarmPool() if ground.settings.warm_pool else None,
    )


def build_interpreters(ground: Ground) -> WarmInterpreters:
    from harness.runners.process.interpreters import WarmInterpreters
    from harness.runners.process.pool import WarmPool

    return WarmInterpreters(WarmPool(limit=2) if ground.settings.warm_pool else None)


def build_engine(foundation: Foundation) -> RunningEngine:
    from harness.engine.local import LocalEngine
    from harness.engine.work import Doors

    ground = foundation.ground
    doors = Doors(
        records=foundation.records,
        aws=foundation.aws,
        logs=foundation.logs,
        runner=foundation.runner,
        clock=ground.clock,
        folder=ground.folder / "jobs",
        endpoint_url=lambda: ground.address,
        grace=ground.settings.grace,
    )
    return LocalEngine(doors, ground.call, ground.settings.max_parallel_jobs)


@dataclass(frozen=True)
class Parts:
    """Tests replace single parts by ``dataclasses.replace(Parts(), aws=…)``."""

    records: Callable[[Ground], RecordStore] = build_records
    logs: Callable[[Ground], KeptLogs] = build_logs
    aws: Callable[[Ground, KeptLogs], AwsBackend] = build_aws
    runner: Callable[[Ground], Runner] = build_runner
    interpreters: Callable[[Ground], WarmInterpreters] = build_interpreters
    engine: Callable[[Foundation], RunningEngine] = build_engine
    lookup: Callable[[str, str], Operation | None] = operation
