"""The ``sagemaker`` client of a scenario in local mode: what local mode can do goes to it, the rest to the emulator.

Operations are named and answered as boto3 does.
"""

# ruff: noqa: N803 - arguments are named as boto3 names them

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any, Protocol

from harness.localmode.context import LocalModeContext, refused
from harness.localmode.endpoints import LocalEndpoints
from harness.localmode.experiments import record_component, with_sources
from harness.localmode.jobs import LocalJob, LocalJobs, OutputReader
from harness.localmode.models import LocalModels
from harness.localmode.monitoring import Monitoring
from harness.localmode.sdk import LocalSdk, OneRun
from harness.localmode.training import settle_training
from harness.localmode.transform import transform


class TrainerOutput(OutputReader, Protocol):
    folder: Path


class LocalModeClient:
    def __init__(self, around: LocalModeContext, sdk: LocalSdk) -> None:
        self._around = around
        self._beside = around.client("sagemaker")
        self.provenance = around.provenance
        self._sdk = sdk
        self._jobs = LocalJobs(around, sdk)
        self._models = LocalModels(around)
        self.endpoints = LocalEndpoints(around, sdk, self._models)
        self.monitoring = Monitoring(around, self.endpoints, self._process, self._processing_job)

    def __getattr__(self, name: str) -> Any:
        """What local mode has no idea of: experiments, tags, searches, waiters, ``exceptions``."""
        for part in self._parts():
            if name in part.OPERATIONS:
                return getattr(part, name)
        return getattr(self._beside, name)

    def _parts(self) -> tuple[LocalModels, LocalEndpoints, Monitoring]:
        return self._models, self.endpoints, self.monitoring

    def answers(self, operation: str) -> bool:
        """Whether an operation, by boto3's name, never comes to the emulator."""
        own = operation in vars(LocalModeClient) or operation == "invoke_endpoint"
        return own or any(operation in part.OPERATIONS for part in self._parts())

    def ran(self) -> list[dict[str, str]]:
        return [*self._jobs.ran(), *self.endpoints.ran()]

    # -- processing ----------------------------------------------------------------------------------------------

    # Names may be given by position: local pipelines do.

    def create_processing_job(self, ProcessingJobName: str, **request: Any) -> dict[str, Any]:
        self._around.seen("CreateProcessingJob", ProcessingJobName)
        return self._process(ProcessingJobName=ProcessingJobName, **request)

    def _process(self, **request: Any) -> dict[str, Any]:
        _require_network("CreateProcessingJob", request.get("NetworkConfig", {}))
        given = _accepted(request, _PROCESSING)
        application = given["AppSpecification"]
        application["ImageUri"] = self._around.image("CreateProcessingJob", application["ImageUri"])
        job = self._jobs.begin("ProcessingJob", request)

        def work(run: OneRun) -> None:
            run.client.create_processing_job(**given)

        self._jobs.run(job, application["ImageUri"], work)
        self._around.provenance.note(
            "Processing jobs", "the container, its inputs and outputs", "ARN, failure reason, exit message, log group"
        )
        record_component(self._around, job)
        return {"ProcessingJobArn": job.arn}

    def describe_processing_job(self, ProcessingJobName: str) -> dict[str, Any]:
        return self._described("ProcessingJob", ProcessingJobName)

    def _processing_job(self, name: str) -> LocalJob:
        return self._jobs.find("ProcessingJob", name)

    # -- training ------------------------------------------------------------------------------------------------

    def create_training_job(self, TrainingJobName: str, **request: Any) -> dict[str, Any]:
        request["TrainingJobName"] = TrainingJobName
        _require_network("CreateTrainingJob", request)
        self._around.seen("CreateTrainingJob", TrainingJobName)
        given = _accepted(request, _TRAINING)
        algorithm = given["AlgorithmSpecification"]
        algorithm["TrainingImage"] = self._around.image("CreateTrainingJob", algorithm["TrainingImage"])
        job = self._jobs.begin("TrainingJob", request)

        def work(run: OneRun) -> None:
            run.client.create_training_job(**given)
            told = run.client.describe_training_job(TrainingJobName=job.name)
            job.told["ModelArtifacts"] = told["ModelArtifacts"]

        self._jobs.run(job, algorithm["TrainingImage"], work)
        return self._trained(job)

    def run_trainer(self, request: dict[str, Any], run: TrainerOutput, work: Callable[[str], str]) -> None:
        """A training job that something else of the SDK runs; ``work``, given the image, returns where its model is."""
        _require_network("CreateTrainingJob", request)
        self._around.seen("CreateTrainingJob", request["TrainingJobName"])
        image = self._around.image("CreateTrainingJob", request["AlgorithmSpecification"]["TrainingImage"])
        job = self._jobs.begin("TrainingJob", request)

        def working() -> None:
            job.told["ModelArtifacts"] = {"S3ModelArtifacts": work(image)}

        self._jobs.run_in(job, image, run.folder, lambda: run, working)
        self._trained(job)

    def _trained(self, job: LocalJob) -> dict[str, Any]:
        points = settle_training(job)
        self._around.provenance.note(
            "Training jobs",
            "the container, its channels, model.tar.gz",
            "ARN, final metrics, secondary status, failure reason, log group",
        )
        record_component(self._around, job, points)
        return {"TrainingJobArn": job.arn}

    def describe_training_job(self, TrainingJobName: str) -> dict[str, Any]:
        return self._described("TrainingJob", TrainingJobName)

    # -- batch transform -----------------------------------------------------------------------------------------

    def create_transform_job(self, TransformJobName: str, **request: Any) -> dict[str, Any]:
        request["TransformJobName"] = TransformJobName
        model = self._models.require("CreateTransformJob", request["ModelName"])
        self._around.seen("CreateTransformJob", TransformJobName)
        job = self._jobs.begin("TransformJob", request)
        image = self._around.image("CreateTransformJob", model["PrimaryContainer"]["Image"])
        self._jobs.run(job, image, lambda run: transform(self._around, run, self._models, job))
        changed = "DataProcessing" in request
        self._around.provenance.note(
            "Batch transform",
            "the model server, splitting, the requests",
            ("filters, join, " if changed else "") + "names of the outputs, ARN, log group",
        )
        record_component(self._around, job)
        return {"TransformJobArn": job.arn}

    def describe_transform_job(self, TransformJobName: str) -> dict[str, Any]:
        return self._described("TransformJob", TransformJobName)

    # -- experiments: the jobs' components say where they come from ------------------------------------------------

    def search(self, **request: Any) -> dict[str, Any]:
        return with_sources(self._beside.search(**request))

    def describe_trial_component(self, **request: Any) -> dict[str, Any]:
        return with_sources(self._beside.describe_trial_component(**request))

    # -- the rest ------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """The end of the run: no endpoint outlives it."""
        self.endpoints.close()

    def _described(self, kind: str, name: str) -> dict[str, Any]:
        if not self._jobs.has(kind, name):  # a job of another process, in the emulator, or of nobody
            described: dict[str, Any] = getattr(self._beside, f"describe_{_snake(kind)}")(**{f"{kind}Name": name})
            return described
        return self._jobs.find(kind, name).describe()


_PROCESSING = (
    "ProcessingJobName",
    "AppSpecification",
    "ProcessingResources",
    "Environment",
    "ProcessingInputs",
    "ProcessingOutputConfig",
)
_TRAINING = (
    "TrainingJobName",
    "AlgorithmSpecification",
    "OutputDataConfig",
    "ResourceConfig",
    "InputDataConfig",
    "Environment",
    "HyperParameters",
)


def _accepted(request: dict[str, Any], members: tuple[str, ...]) -> dict[str, Any]:
    """What local mode looks at; it writes into what it is given."""
    return deepcopy({name: request[name] for name in members if name in request})


def _require_network(operation: str, config: dict[str, Any]) -> None:
    for member in ("EnableNetworkIsolation", "EnableInterContainerTrafficEncryption"):
        if config.get(member):
            raise refused(
                operation, f"local mode has no {member}: leave it out, or use a profile with the emulator's own runners"
            )


def _snake(kind: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in kind).lstrip("_")
