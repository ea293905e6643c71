"""The local sessions of the SageMaker SDK v2, with clients of the emulator in place of its own."""

from __future__ import annotations

import functools
import time
from typing import Any

from sagemaker.local import LocalSession
from sagemaker.local.local_session import LocalSagemakerClient
from sagemaker.session import Session
from sagemaker.workflow.pipeline_context import LocalPipelineSession

from harness.kernel.kinds import RUN_JOBS

PIPELINE_OPERATIONS = frozenset(
    ("create_pipeline", "update_pipeline", "describe_pipeline", "delete_pipeline", "start_pipeline_execution")
)
_POLL_SECONDS = 0.5


class _EmulatorClients:
    """Mixin for a local session that sends jobs and endpoints to the emulator, and reads their logs from it."""

    logs_for_job = Session.logs_for_job
    logs_for_processing_job = Session.logs_for_processing_job
    logs_for_transform_job = Session.logs_for_transform_job

    def _initialize(self, *arguments: Any, **options: Any) -> None:
        super()._initialize(*arguments, **options)  # type: ignore[misc]
        client = self.boto_session.client  # type: ignore[attr-defined]
        self.sagemaker_runtime_client = None  # the SDK passes its local settings to any client that is here
        self.config = {"local": {"local_code": False}}
        self.sagemaker_client = client("sagemaker")
        self.sagemaker_runtime_client = client("sagemaker-runtime")
        self.sagemaker_metrics_client = client("sagemaker-metrics")


class ScenarioSession(_EmulatorClients, LocalSession):  # type: ignore[misc]
    """The local session of a scenario."""


class ScenarioPipelineSession(_EmulatorClients, LocalPipelineSession):  # type: ignore[misc]
    """The local session of a scenario's pipelines."""

    def _initialize(self, *arguments: Any, **options: Any) -> None:
        super()._initialize(*arguments, **options)
        self.sagemaker_client = PipelineClient(self.sagemaker_client, self)


class PipelineClient:
    """The client of a pipeline's session: the SDK runs the pipeline, and the emulator runs the jobs of its steps.

    The SDK runs a step by ``create_training_job(name, ...)``, and expects that the job has ended when this returns.
    """

    def __init__(self, client: Any, session: LocalSession) -> None:
        self._client = client
        self._local = LocalSagemakerClient(session)
        self._names: dict[str, str] = {"describe_model": "ModelName", "create_model": "ModelName"}
        for kind in RUN_JOBS:
            self._names |= {kind.method(verb): kind.name_member for verb in ("Create", "Describe")}
        self._jobs = {kind.method("Create"): kind for kind in RUN_JOBS}

    def __getattr__(self, operation: str) -> Any:
        if operation in PIPELINE_OPERATIONS:
            return getattr(self._local, operation)
        call = getattr(self._client, operation)
        if operation not in self._names:
            return call
        return functools.partial(self._run, operation, call)

    def _run(self, operation: str, call: Any, name: str = "", **request: Any) -> Any:
        answer = call(**{self._names[operation]: name, **request} if name else request)
        if operation in self._jobs:
            self._wait(self._jobs[operation], name or request[self._names[operation]])
        return answer

    def _wait(self, kind: Any, name: str) -> None:
        describe = getattr(self._client, kind.method("Describe"))
        while (job := describe(**{kind.name_member: name}))[kind.status_member] in ("InProgress", "Stopping"):
            time.sleep(_POLL_SECONDS)
        if job[kind.status_member] != "Completed":
            raise RuntimeError(job.get("FailureReason", f"{name} is {job[kind.status_member]}"))
