"""The Session of a scenario whose containers the SDK's local mode runs."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3

from harness.clients.emulator_clock import EmulatorClock
from harness.kernel.removal import remove_tree
from harness.localmode.client import LocalModeClient
from harness.localmode.container_engine import ContainerEngine
from harness.localmode.context import LocalModeContext
from harness.localmode.faults import LocalModeFaults
from harness.localmode.runtime import LocalModeRuntime
from harness.localmode.sdk import OneRun, SdkChanges
from harness.scenario.events import EventWriter
from harness.scenario.faults import Faults
from harness.scenario.run_document import RunDocument
from harness.scenario.session import Session

ACCELERATED = ("ml.p", "ml.g")
COLUMNS = ["Part", "Times", "Local mode (the SDK, Docker)", "The harness beside it"]


class LocalModeSession(Session):
    def __init__(self, name: str, events: EventWriter, run: RunDocument) -> None:
        super().__init__(name, events, run)
        plain, local_mode, emulator = self.boto3, run.local_mode, run.emulator
        if local_mode is None or emulator is None:
            raise ValueError("a session of local mode needs the instructions of its profile, and the emulator")
        beside: dict[str, Any] = {}

        def client(service: str) -> Any:
            if service not in beside:
                beside[service] = plain.client(service)
            return beside[service]

        self._around = LocalModeContext(
            client=client,
            boto3=plain,
            region=self.region,
            account=self.role.split(":")[4],
            bucket=self.bucket,
            folder=local_mode.folder,
            engine=ContainerEngine(local_mode.labels, local_mode.images),
            clock=EmulatorClock(f"{emulator.url}/clock", emulator.token_file),
            seen=self._watcher.note,
        )
        self._around.folder.mkdir(parents=True, exist_ok=True)
        self._sagemaker = LocalModeClient(self._around, self)
        self._changes = SdkChanges()
        runtime = LocalModeRuntime(self._around, self._sagemaker.endpoints)
        self.boto3 = RoutedSession(self.region, {"sagemaker": self._sagemaker, "sagemaker-runtime": runtime})
        boto3.DEFAULT_SESSION = self.boto3

    def sagemaker_session(self) -> Any:
        return self._sdk().session(self.boto3, self.bucket)

    def pipeline_session(self) -> Any:
        return self._sdk().pipeline_session(self.boto3, self.bucket)

    def training_mode(self) -> Any:
        return self._sdk().training_mode

    def one_run(self, around: LocalModeContext, folder: Path, name: str) -> OneRun:
        """For the client: the SDK is imported with the first container, nothing needs it before."""
        run: OneRun = self._sdk().one_run(around, folder, name)
        return run

    @functools.cache  # noqa: B019 - one session lives as long as its process
    def _sdk(self) -> Any:
        try:
            import sagemaker.core.local  # noqa: F401
        except ModuleNotFoundError:
            from harness.localmode.sdk_v2 import SdkV2

            return SdkV2(self._changes)
        from harness.localmode.sdk_v3 import SdkV3

        return SdkV3(self._changes, self._around, self._sagemaker, self.boto3)

    def instance_type(self, wanted: str) -> str:
        return "local_gpu" if wanted.startswith(ACCELERATED) else "local"

    def advance_clock(self, seconds: float) -> None:
        """What fell due has run when this returns: schedules of local mode here, others in the emulator."""
        self._sagemaker.monitoring.advance(seconds)

    @property
    def faults(self) -> Faults:
        return LocalModeFaults(super().faults, self._sagemaker.answers)

    def jobs(self) -> list[dict[str, str]]:
        """Jobs and endpoints that local mode ran: ``status``, ``kind``, ``name`` and ``reason`` of each."""
        return self._sagemaker.ran()

    def collect(self) -> None:
        rows = list(self._around.provenance.rows())
        if rows:
            self.show("table", "What came from where", columns=COLUMNS, rows=rows, compared=False)
        super().collect()

    def clean_up(self) -> None:
        try:
            super().clean_up()
        finally:
            self._sagemaker.close()
            self._changes.put_back()
            remove_tree(self._around.folder)


class RoutedSession(boto3.Session):  # type: ignore[misc]
    """A boto3 session that answers for some services with clients of the harness."""

    def __init__(self, region: str, own: Mapping[str, Any]) -> None:
        super().__init__(region_name=region)
        self._own = own

    def client(self, service_name: str, *arguments: Any, **options: Any) -> Any:
        own = self._own.get("sagemaker-runtime" if service_name == "runtime.sagemaker" else service_name)
        return own if own is not None else super().client(service_name, *arguments, **options)
