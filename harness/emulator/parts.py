"""The concrete class for each part of the emulator. Each is imported when it is built, since start-up is timed."""

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
from harness.kernel.errors import ValidationException
from harness.runners.process.interpreters import WarmInterpreters
from harness.runners.spec import Runner
from harness.services.registry import operation
from harness.services.scope import Operation
from harness.settings import Settings
from harness.stores.log_files import StoredLogs
from harness.stores.records import RecordStore

if TYPE_CHECKING:
    from harness.aws.moto import MotoBackend
    from harness.engine.components import Components
    from harness.engine.job_cache.lookup import Reuse
    from harness.runners.docker.registry import RegistryImage
    from harness.stores.package_index.job_packages import JobPackages

Call = Callable[[str, str, str, Mapping[str, Any]], Mapping[str, Any]]
"""``(account, region, operation, request) -> answer``: the port through which composite jobs start others."""

Adopt = Callable[[socket.socket], Callable[[], None]]
"""Have the emulator serve on a listening socket made elsewhere, until the function returned is called."""


class RunningEngine(Engine, Protocol):
    """The calls of the composition root into an engine. All of them block, so none is made on the event loop."""

    def recover(self) -> object:
        """Settle what was in progress when the previous emulator was killed. Called once, before the first request."""

    def advance(self, target: Callable[[float], float]) -> Mapping[str, Any]:
        """Move the clock to ``target(now)``, running what becomes due in order; returns when that has finished.

        The answer says what ran. What ``target`` raises is raised, and nothing moves.
        """

    def warm_up(self) -> None:
        """Start warm parents for the images that need no installation. Called in the background after the start."""

    def reset(self) -> None:
        """Stop everything and forget it. The caller then clears the records."""

    def close(self) -> None: ...


class ClosableLogs(StoredLogs, Protocol):
    def close(self) -> None: ...


@dataclass(frozen=True)
class BootContext:
    """Inputs of the functions that build the parts. The port is bound before the parts are built and served after."""

    settings: Settings
    folder: Path
    port: int
    address: str
    """The emulator's address as programs reach it."""
    clock: Clock
    adopt: Adopt
    call: Call


def build_records(boot: BootContext) -> RecordStore:
    if boot.settings.ephemeral:
        from harness.stores.memory import MemoryRecords

        return MemoryRecords()
    from harness.stores.sqlite import SqliteRecords

    return SqliteRecords(boot.folder / "records.sqlite")


def build_logs(boot: BootContext) -> ClosableLogs:
    from harness.stores.log_files import LogFiles

    return LogFiles(boot.folder / "logs", boot.settings.log_limit_mb)


def build_aws(boot: BootContext, logs: ClosableLogs) -> AwsBackend:
    from harness.aws.moto import MotoBackend

    settings = boot.settings
    with contextlib.ExitStack() as on_failure:
        moto = MotoBackend(
            boot.folder, logs, settings.account, settings.region, _engine_images(settings), settings.roles
        )
        on_failure.callback(moto.close)
        backend = _choose_backend(boot, logs, moto)
        on_failure.pop_all()
    return backend


def _choose_backend(boot: BootContext, logs: ClosableLogs, moto: MotoBackend) -> AwsBackend:
    settings = boot.settings
    backend: AwsBackend = moto
    if settings.aws_backend == "localstack":
        from harness.aws.remote.localstack import LocalStackBackend
        from harness.emulator.localstack import source

        localstack = source(boot.folder, settings.install, settings.images)
        backend = LocalStackBackend(
            localstack, moto, logs, boot.folder, settings.account, settings.region, settings.roles
        )
    if settings.s3_url:
        from harness.aws.remote.s3_url import s3_url_backend

        backend = s3_url_backend(backend, settings.s3_url, settings.region)
    return backend


def _engine_images(settings: Settings) -> Callable[[str, str], Sequence[RegistryImage]]:
    """Return the function by which ECR lists the images of a container engine; it lists none without an engine."""
    from harness.contract.catalog import own_image
    from harness.runners.docker.engine import DockerEngine
    from harness.runners.docker.errors import EngineRefusal
    from harness.runners.docker.registry import Registry

    registry = Registry(DockerEngine(), settings.images, own_image)

    def list_images(account: str, region: str) -> Sequence[RegistryImage]:
        try:
            return registry.images_in(account, region)
        except EngineRefusal:
            return ()

    return list_images


def build_images(boot: BootContext) -> ImageSource:
    if boot.settings.runner != "process":
        from harness.contract.containers import CONTAINED

        return replace(CONTAINED, identity=_image_ids(boot.settings))
    from harness.contract.catalog import CATALOGUED
    from harness.contract.versions import program_version

    return replace(CATALOGUED, identity=program_version)


def build_runner(boot: BootContext) -> Runner:
    return _process_runner(boot) if boot.settings.runner == "process" else _docker_runner(boot)


def _docker_runner(boot: BootContext) -> Runner:
    from harness.contract.catalog import own_image
    from harness.runners.docker.engine import DockerEngine
    from harness.runners.docker.images import Images as EngineImages
    from harness.runners.docker.runner import DockerRunner

    engine = DockerEngine()
    folder, launcher = boot.folder / "runs" / "docker", None
    if boot.settings.runner == "sdk-local":
        from harness.runners.sdk_local.launch import SdkLauncher

        launcher = SdkLauncher(engine, folder / "compose")
    return DockerRunner(
        folder,
        boot.folder,
        engine=engine,
        images=EngineImages(engine, boot.settings.images, own_image, pull=boot.settings.install),
        port=boot.port,
        adopt=boot.adopt,
        launcher=launcher,
        name=boot.settings.runner,
    )


def _process_runner(boot: BootContext) -> Runner:
    from harness.runners.process.environments import Environments
    from harness.runners.process.pool import WarmPool
    from harness.runners.process.runner import ProcessRunner

    return ProcessRunner(
        boot.folder / "runs",
        environments=Environments(install=boot.settings.install),
        port=boot.port,
        adopt=boot.adopt,
        hidden=(Path.home(), boot.folder, boot.settings.project),
        pool=WarmPool() if boot.settings.warm_pool else None,
    )


def build_packages(settings: Settings) -> JobPackages:
    from harness.kernel.cache import cache_folder
    from harness.stores.package_index.job_packages import JobPackages

    return JobPackages(cache_folder("packages"), settings.install)


def build_interpreters(boot: BootContext) -> WarmInterpreters:
    from harness.runners.process.interpreters import WarmInterpreters
    from harness.runners.process.pool import WarmPool

    return WarmInterpreters(WarmPool(limit=2) if boot.settings.warm_pool else None)


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
    """Return the function that identifies an image of a container engine by its id; empty when it is not there yet."""
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


def build_engine(components: Components, boot: BootContext) -> RunningEngine:
    from harness.engine.local import LocalEngine
    from harness.engine.pipelines.step_runs import Ports

    ports = Ports(boot.call, _message_sender(boot.address, components.client_secret))
    return LocalEngine(components, ports, boot.settings.max_parallel_jobs)


def _message_sender(address: str, secret: str) -> Callable[[str, str, str, str], object]:
    """Return the function that puts a message into a queue at the emulator's own address, whatever serves it there."""
    from harness.aws.remote.clients import Clients

    clients = Clients(address, lambda account: (account, secret))

    def send(account: str, region: str, url: str, body: str) -> object:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return clients.get("sqs", account, region).send_message(QueueUrl=url, MessageBody=body)
        except (BotoCoreError, ClientError) as error:
            raise ValidationException(str(error)) from error

    return send


@dataclass(frozen=True)
class Parts:
    """Tests replace single parts by ``dataclasses.replace(Parts(), aws=…)``."""

    records: Callable[[BootContext], RecordStore] = build_records
    logs: Callable[[BootContext], ClosableLogs] = build_logs
    aws: Callable[[BootContext, ClosableLogs], AwsBackend] = build_aws
    runner: Callable[[BootContext], Runner] = build_runner
    images: Callable[[BootContext], ImageSource] = build_images
    interpreters: Callable[[BootContext], WarmInterpreters] = build_interpreters
    reuse: Callable[[Settings], Reuse] = build_reuse
    engine: Callable[[Components, BootContext], RunningEngine] = build_engine
    lookup: Callable[[str, str], Operation | None] = operation
