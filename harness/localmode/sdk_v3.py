"""The classes of the SageMaker SDK v3 that local mode is made of, and its trainer's local container mode.

``ModelTrainer`` in that mode drives compose by itself and leaves no job; here it is one, in the table with the others.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sagemaker.core.local import LocalSession, entities, local_session
from sagemaker.core.local.image import _SageMakerContainer
from sagemaker.core.local.local_session import LocalSagemakerClient, LocalSagemakerRuntimeClient
from sagemaker.core.resources import TrainingJob
from sagemaker.core.utils import utils as core_clients
from sagemaker.core.utils.utils import serialize
from sagemaker.train.local.local_container import _LocalContainer
from sagemaker.train.model_trainer import Mode, ModelTrainer, to_pascal_case

from harness.localmode import sdk
from harness.localmode.client import LocalModeClient
from harness.localmode.context import LocalModeContext


class ContainerSession(sdk.OneContainer, LocalSession):  # type: ignore[misc]
    pass


class ScenarioSession(sdk.LocalScenarioSession, LocalSession):  # type: ignore[misc]
    pass


GENERATION = sdk.Generation(ContainerSession, LocalSagemakerClient, LocalSagemakerRuntimeClient)


class SdkV3:
    training_mode = Mode.LOCAL_CONTAINER

    def __init__(self, changes: sdk.SdkChanges, around: LocalModeContext, client: LocalModeClient, boto3: Any) -> None:
        sdk.adapt(changes, local_session, entities, _SageMakerContainer)
        # Resources that are given no session open one; it shall be the scenario's.
        changes.set(core_clients, "Session", lambda *_, **__: boto3)
        core_clients.SageMakerClient.reset()
        Trainers(changes, around, client).adapt(boto3)

    def one_run(self, around: LocalModeContext, folder: Path, name: str) -> sdk.OneRun:
        return sdk.OneRun(GENERATION, around, folder, name)

    def session(self, boto3: Any, bucket: str) -> Any:
        return ScenarioSession(boto_session=boto3, default_bucket=bucket)


class TrainerRun:
    """What the table of jobs asks of a run; a trainer's containers leave their output in its folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read_output(self, name: str) -> str:
        return sdk.read_output(self.folder, "*", name)


class Trainers:
    """``ModelTrainer`` in local container mode: it runs as it does, with a folder, labels and a record of ours."""

    def __init__(self, changes: sdk.SdkChanges, around: LocalModeContext, client: LocalModeClient) -> None:
        self._changes = changes
        self._around = around
        self._client = client
        self._request: dict[str, Any] = {}

    def adapt(self, boto3: Any) -> None:
        change = self._changes.set
        change(ModelTrainer, "train", self._training(ModelTrainer.train, boto3))
        change(ModelTrainer, "_create_training_job_args", self._noting(ModelTrainer._create_training_job_args))
        change(_LocalContainer, "train", self._running(_LocalContainer.train))
        change(_LocalContainer, "retrieve_artifacts", self._giving_back(_LocalContainer.retrieve_artifacts))
        change(_LocalContainer, "_create_docker_host", self._labelling(_LocalContainer._create_docker_host))

    def _training(self, train: Callable[..., Any], boto3: Any) -> Callable[..., Any]:
        def adapted(trainer: Any, *arguments: Any, **options: Any) -> Any:
            if trainer.training_mode != Mode.LOCAL_CONTAINER:
                return train(trainer, *arguments, **options)
            folder = self._around.folder / f"trainer-{uuid.uuid4().hex[:8]}"
            folder.mkdir(parents=True)
            trainer.local_container_root = str(folder)
            self._request = {}
            train(trainer, *arguments, **options)
            name = self._request.get("TrainingJobName")
            if name and not options.get("dry_run"):
                job = TrainingJob.get(training_job_name=name, session=boto3)
                trainer._latest_training_job = job
                if options.get("wait", True):
                    job.wait(logs=False)  # it has ended; this raises what it failed of
            return None

        return adapted

    def _noting(self, make: Callable[..., Any]) -> Callable[..., Any]:
        def adapted(trainer: Any, *arguments: Any, **options: Any) -> Any:
            made = make(trainer, *arguments, **options)
            if trainer.training_mode == Mode.LOCAL_CONTAINER:
                given = serialize({to_pascal_case(name): value for name, value in made.items()})
                self._request = {name: value for name, value in given.items() if value is not None}
            return made

        return adapted

    def _running(self, train: Callable[..., Any]) -> Callable[..., Any]:
        def adapted(container: Any, wait: bool) -> None:
            folder = Path(container.container_root)
            request = {
                **self._request,
                "InputDataConfig": list(map(_channel, self._request.get("InputDataConfig", ()))),
            }

            def work(image: str) -> str:
                container.image = image
                train(container, True)  # detached, it would remove what its container still reads
                return self._uploaded(request, folder / "compressed_artifacts")

            self._client.run_trainer(request, TrainerRun(folder), work)

        return adapted

    def _uploaded(self, request: dict[str, Any], folder: Path) -> str:
        target = request["OutputDataConfig"]["S3OutputPath"].rstrip("/")
        bucket, _, prefix = target.removeprefix("s3://").partition("/")
        place = "/".join(part for part in (prefix, request["TrainingJobName"], "output") if part)
        for file in sorted(folder.iterdir()):
            self._around.client("s3").upload_file(str(file), bucket, f"{place}/{file.name}")
        return f"s3://{bucket}/{place}/model.tar.gz"

    def _giving_back(self, retrieve: Callable[..., Any]) -> Callable[..., Any]:
        def adapted(container: Any, compose_data: dict[str, Any]) -> Any:
            sdk.take_over(self._around, Path(container.container_root), container.image)
            return retrieve(container, compose_data)

        return adapted

    def _labelling(self, describe: Callable[..., Any]) -> Callable[..., Any]:
        def adapted(container: Any, host: str, environment: dict[str, str], volumes: list[str]) -> dict[str, Any]:
            # The user's own folders are mounted as they are: nothing of root's shall be left in them.
            given = {"PYTHONDONTWRITEBYTECODE": "1", **environment}
            config = describe(container, host, given, volumes)
            return {**config, **sdk.container_settings(self._around, container.training_job_name)}

        return adapted


def _channel(channel: dict[str, Any]) -> dict[str, Any]:
    """A folder of this machine is no file system of AWS's: named as v2 names it."""
    folder = channel["DataSource"].get("FileSystemDataSource", {}).get("DirectoryPath")
    if not folder:
        return channel
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"file://{Path(folder).absolute()}"}}
    return {**channel, "DataSource": source}
