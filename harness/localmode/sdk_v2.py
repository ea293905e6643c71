"""The classes of the SageMaker SDK v2 that local mode is made of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sagemaker.local import LocalSession, entities, local_session
from sagemaker.local.image import _SageMakerContainer
from sagemaker.local.local_session import LocalSagemakerClient, LocalSagemakerRuntimeClient
from sagemaker.workflow.pipeline_context import LocalPipelineSession

from harness.localmode import sdk
from harness.localmode.context import LocalModeContext


class ContainerSession(sdk.OneContainer, LocalSession):  # type: ignore[misc]
    pass


class _Pipelines:
    """A session's client that leaves pipelines to local mode, whose steps then come back to the session."""

    OPERATIONS = frozenset(
        ("create_pipeline", "update_pipeline", "describe_pipeline", "delete_pipeline", "start_pipeline_execution")
    )

    def __init__(self, client: Any, session: LocalSession) -> None:
        self._client = client
        self._local = LocalSagemakerClient(session)

    def __getattr__(self, name: str) -> Any:
        if name not in self.OPERATIONS:
            return getattr(self._client, name)
        if name.startswith("start"):
            self._client.provenance.note("Pipelines", "the definition, its steps one after the other", "")
        return getattr(self._local, name)


class _Waiting(sdk.LocalScenarioSession):
    """Output was shown while a job ran; what waiting is still for is the error of a job that failed."""

    def _initialize(self, *arguments: Any, **options: Any) -> None:
        super()._initialize(*arguments, **options)
        self.sagemaker_client = _Pipelines(self.sagemaker_client, self)

    def logs_for_job(self, job_name: str, wait: bool = False, *_: Any, **__: Any) -> None:
        if wait:
            self.wait_for_job(job_name)  # type: ignore[attr-defined]

    def logs_for_processing_job(self, job_name: str, wait: bool = False, *_: Any, **__: Any) -> None:
        if wait:
            self.wait_for_processing_job(job_name)  # type: ignore[attr-defined]

    def logs_for_transform_job(self, job_name: str, wait: bool = False, *_: Any, **__: Any) -> None:
        if wait:
            self.wait_for_transform_job(job_name)  # type: ignore[attr-defined]


class ScenarioSession(_Waiting, LocalSession):  # type: ignore[misc]
    pass


class ScenarioPipelineSession(_Waiting, LocalPipelineSession):  # type: ignore[misc]
    pass


GENERATION = sdk.Generation(ContainerSession, LocalSagemakerClient, LocalSagemakerRuntimeClient)


class SdkV2:
    def __init__(self, changes: sdk.SdkChanges) -> None:
        sdk.adapt(changes, local_session, entities, _SageMakerContainer)

    def one_run(self, around: LocalModeContext, folder: Path, name: str) -> sdk.OneRun:
        return sdk.OneRun(GENERATION, around, folder, name)

    def session(self, boto3: Any, bucket: str) -> Any:
        return ScenarioSession(boto_session=boto3, default_bucket=bucket)

    def pipeline_session(self, boto3: Any, bucket: str) -> Any:
        return ScenarioPipelineSession(boto_session=boto3, default_bucket=bucket)
