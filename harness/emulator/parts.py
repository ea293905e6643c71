"""Which concrete class plays which part. Each is imported when it is built, since starting is timed."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from harness.aws import AwsBackend
from harness.contract.containers import ImageProtocol, ImageSource
from harness.engine import Engine
from harness.kernel.clock import Clock
from harness.runners.process.interpreters import WarmInterpreters
from harness.runners.spec import Runner
from harness.services.registry import operation
from harness.services.scope import Operation
from harness.settings import Settings
from harness.stores.log_files import StoredLogs
from harness.stores.records import RecordStore

if TYPE_CHECKING:
    from harness.aws.moto import MotoBackend
    from harness.engine.job_cache.lookup import Reuse
    from harness.runners.docker.registry import RegistryImage

Call = Callable[[str, str, str, Mapping[str, Any]], Mapping[str, Any]]
"""``(account, region, operation, request) -> answer``: the port through which composite jobs start others."""

Adopt = Callable[[socket.socket], Callable[[], None]]
"""Have the emulator serve on a listening socket made elsewhere, until the function returned is called."""


class RunningEngine(Engine, Protocol):
    """What the composition root asks of an engine besides what services do. All of it blocks; none runs on the loop."""

    def recover(self) -> object:
        """Once, before the first request: settle what was in flight when the predecessor was killed."""

    def advance(self, target: Callable[[float], float]) -> Mapping[str, Any]:
        """Move the clock to ``target(now)``, running what becomes due in order; returns when that has finished.

        The answer says what ran. What ``target`` raises is raised, and nothing moves.
        """

    def warm_up(self) -> None:
        """In the background after the start: warm parents for the images that need nothing installed."""

    def reset(self) -> None:
        """Stop everything and forget it; the records go right after."""

    def close(self) -> None: ...


class ClosableLogs(StoredLogs, Protocol):
    def close(self) -> None: ...


@dataclass(frozen=True)
class BootContext:
    """What the parts stand on. The port is taken before any part is built; it is served once all are."""

    settings: Settings
    folder: Path
    port: int
    address: str
    """The emulator's address as programs reach it."""
    clock: Clock
    adopt: Adopt
    call: Call
    client_secret: str = ""
    """The secret that jobs sign with."""


@dataclass(frozen=True)
class EngineInputs:
    """What an engine is built on."""

    ground: BootContext
    records: RecordStore
    logs: ClosableLogs
    aws: AwsBackend
    runner: Runner
    images: ImageSource


def build_records(ground: BootContext) -> RecordStore:
    if ground.settings.ephemeral:
        from harness.stores.memory import MemoryRecords

        return MemoryRecords()
    from harness.stores.sqlite import SqliteRecords

    return SqliteRecords(ground.folder / "records.sqlite")


def build_logs(ground: BootContext) -> ClosableLogs:
    from harness.stores.log_files import LogFiles

    return LogFiles(ground.folder / "logs", ground.settings.log_limit_mb)


def build_aws(ground: BootContext, logs: ClosableLogs) -> AwsBackend:
    from harness.aws.moto import MotoBackend

    settings = ground.settings
    with contextlib.ExitStack() as on_failure:
        moto = MotoBackend(
            ground.folder, logs, settings.account, settings.region, _engine_images(settings), settings.roles
        )
        on_failure.callback(moto.close)
        backend = _choose_backend(ground, logs, moto)
        on_failure.pop_all()
    return backend


def _choose_backend(ground: BootContext, logs: ClosableLogs, moto: MotoBackend) -> AwsBackend:
    settings = ground.settings
    backend: AwsBackend = moto
    if settings.aws_backend == "localstack":
        from harness.aws.remote.localstack import LocalStackBackend
        from harness.emulator.localstack import source

        found = source(ground.folder, settings.install, settings.images)
        backend = LocalStackBackend(found, moto, logs, ground.folder, settings.account, settings.region, settings.roles)
    if settings.s3_url:
        from harness.aws.remote.s3_url import s3_url_backend

        backend = s3_url_backend(backend, settings.s3_url, settings.region)
    return backend


def _engine_images(settings: Settings) -> Callable[[str, str], Sequence[RegistryImage]]:
    """What ECR lists of a container engine; nothing where there is none."""
    from harness.contract.catalog import own_image
    from harness.runners.docker.engine import DockerEngine
    from harness.runners.docker.errors import EngineRefusal
    from harness.runners.docker.registry import Registry

    registry = Registry(DockerEngine(), settings.images, own_image)

    def listed(account: str, region: str) -> Sequence[RegistryImage]:
        try:
            return registry.listed(account, region)
        except EngineRefusal:
            return ()

    return listed


def build_images(ground: BootContext) -> ImageSource:
    if ground.settings.runner != "process":
        from harness.contract.containers import CONTAINED

        return replace(CONTAINED, identity=_image_ids(ground.settings))
    from harness.contract.catalog import CATALOGUED
    from harness.contract.versions import program_version

    return replace(CATALOGUED, identity=program_version)


def build_runner(ground: BootContext) -> Runner:
    return _process_runner(ground) if ground.settings.runner == "process" else _docker_runner(ground)


def _docker_runner(ground: BootContext) -> Runner:
    from harness.contract.catalog import own_image
    from harness.runners.docker.engine import DockerEngine
    from harness.runners.docker.images import Images as EngineImages
    from harness.runners.docker.runner import DockerRunner

    engine = DockerEngine()
    folder, launcher = ground.folder / "runs" / "docker", None
    if ground.settings.runner == "sdk-local":
        from harness.runners.sdk_local.launch import SdkLauncher

        launcher = SdkLauncher(engine, folder / "compose")
    return DockerRunner(
        folder,
        ground.folder,
        engine=engine,
        images=EngineImages(engine, ground.settings.images, own_image, pull=ground.settings.install),
        port=ground.port,
        adopt=ground.adopt,
        launcher=launcher,
        name=ground.settings.runner,
    )


def _process_runner(ground: BootContext) -> Runner:
    from harness.runners.process.environments import Environments
    from harness.runners.process.pool import WarmPool
    from harness.runners.process.runner import ProcessRunner

    return ProcessRunner(
        ground.folder / "runs",
        environments=Environments(install=ground.settings.install),
        port=ground.port,
        adopt=ground.adopt,
        hidden=(Path.home(), ground.folder, ground.settings.project),
        pool=WarmPool() if ground.settings.warm_pool else None,
    )


def build_interpreters(ground: BootContext) -> WarmInterpreters:
    from harness.runners.process.interpreters import WarmInterpreters
    from harness.runners.process.pool import WarmPool

    return WarmInterpreters(WarmPool(limit=2) if ground.settings.warm_pool else None)


def build_reuse(settings: Settings) -> Reuse:
    from harness.contract.versions import program_version
    from harness.engine.job_cache.keys import Contents
    from harness.engine.job_cache.lookup import Reuse
    from harness.kernel.cache import cache_folder
    from harness.stores.result_cache import ResultCache

    # Of other services' ETags nobody knows what they are made of.
    own_objects = settings.aws_backend == "moto" and not settings.s3_url
    return Reuse(
        ResultCache(cache_folder("reuse"), settings.reuse_limit_mb * 1024 * 1024),
        program_version if settings.runner == "process" else _image_ids(settings),
        Contents(own_objects),
        always=settings.reuse,
    )


def _image_ids(settings: Settings) -> Callable[[ImageProtocol], str]:
    """An image of a container engine is what its id says; one that is not there yet is nothing to compare by."""
    from harness.contract.catalog import own_image
    from harness.contract.containers import ContainerImage
    from harness.runners.docker.engine import DockerEngine
    from harness.runners.docker.errors import EngineRefusal
    from harness.runners.docker.images import Images as EngineImages

    engine = DockerEngine()
    images = EngineImages(engine, settings.images, own_image)

    def identity(image: ImageProtocol) -> str:
        if not isinstance(image, ContainerImage):
            return ""
        try:
            return str(engine.client.inspect_image(images.resolve(image.uri).reference)["Id"])
        except EngineRefusal:
            return ""

    return identity


def build_engine(foundation: EngineInputs) -> RunningEngine:
    from harness.engine.jobs.job_run import EngineDependencies
    from harness.engine.local import LocalEngine

    ground = foundation.ground
    doors = EngineDependencies(
        records=foundation.records,
        aws=foundation.aws,
        logs=foundation.logs,
        runner=foundation.runner,
        clock=ground.clock,
        folder=ground.folder / "jobs",
        endpoint_url=lambda: foundation.runner.address_of(ground.address),
        grace=ground.settings.grace,
        images=foundation.images,
        reuse=build_reuse(ground.settings),
        client_secret=ground.client_secret,
    )
    return LocalEngine(doors, ground.call, ground.settings.max_parallel_jobs)


@dataclass(frozen=True)
class Parts:
    """Tests replace single parts by ``dataclasses.replace(Parts(), aws=…)``."""

    records: Callable[[BootContext], RecordStore] = build_records
    logs: Callable[[BootContext], ClosableLogs] = build_logs
    aws: Callable[[BootContext, ClosableLogs], AwsBackend] = build_aws
    runner: Callable[[BootContext], Runner] = build_runner
    images: Callable[[BootContext], ImageSource] = build_images
    interpreters: Callable[[BootContext], WarmInterpreters] = build_interpreters
    engine: Callable[[EngineInputs], RunningEngine] = build_engine
    lookup: Callable[[str, str], Operation | None] = operation
