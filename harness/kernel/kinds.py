"""The table of resource kinds: one row for each kind of SageMaker resource.

Names of operations, members and ARN types are derived from the API's noun; a row holds only what cannot be derived.
Other packages look a kind up here and keep no table of their own. The table is compared with botocore's models in
``tests/kernel/test_kinds.py``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from harness.kernel.lifecycles import ENDPOINT, JOB, PIPELINE_EXECUTION, SCHEDULE, Lifecycle

DEFINITION = "MonitoringScheduleConfig.MonitoringJobDefinition"
TRAINING_DEFINITIONS = ("TrainingJobDefinition", "TrainingJobDefinitions.*")
TRAINING, PROCESSING, HOSTING, TRANSFORM = "training", "processing", "hosting", "transform"
"""Uses of instances, as AWS's price list names them."""


@dataclass(frozen=True)
class RequestPaths:
    """Paths of the members of a Create request that a profile may add. ``*`` stands for every item of a list."""

    network: tuple[str, ...] = ()
    volume_key: tuple[str, ...] = ()
    output_key: tuple[str, ...] = ()
    spot: tuple[str, ...] = ()
    stopping: tuple[str, ...] = ()

    def within(self, parents: tuple[str, ...]) -> RequestPaths:
        """Return the same paths below each of ``parents``."""
        return RequestPaths(
            *(
                tuple(f"{parent}.{path}" for parent in parents for path in paths)
                for paths in (self.network, self.volume_key, self.output_key, self.spot, self.stopping)
            )
        )


@dataclass(frozen=True)
class ResourceKind:
    """One kind of SageMaker resource. ``noun`` is the API's word, as in ``CreateTrainingJob``."""

    noun: str
    arn_type: str = ""
    """The resource type in ARNs, which is also the ``kind`` of records. Empty if it can be derived from the noun."""
    called: str = ""
    """The noun in the names of the Describe, Stop and Delete operations, if it is not ``noun``."""
    named_by_arn: bool = False
    """True if requests identify it by its ARN, because it has no name of its own."""
    lifecycle: Lifecycle | None = None
    """The status transitions. None for a kind that has no status or is not served by the emulator."""
    run: str = ""
    """The first word of ``TrainingStartTime`` and ``TrainingEndTime`` in Describe. Empty for kinds that do not run."""
    log_group: str = ""
    """The CloudWatch log group. ``{name}`` stands for the resource's name; without it, stream names begin with it."""
    request: RequestPaths = RequestPaths()
    stage: str = ""
    """The noun that ``harness.toml`` uses for this kind: the one whose instances its Create request describes."""
    use: str = ""
    """The use of its instances, as AWS's price list names it. Empty for kinds without instances of their own."""
    source_type: str = ""
    """The ``SourceType`` of the trial component that SageMaker creates for it. Empty if it creates none."""
    unique: bool = False
    """True if AWS refuses a second resource of the same name. Then a fixed name must be free before a run."""
    removal: int = 6
    """The position in the order of teardown. Resources are removed after the resources that use them."""
    billed: bool = False
    """True if it costs money for as long as it exists. Jobs cost money only while they run."""
    tagged_search: bool = False
    """True if a search for a run's resources always lists this kind, because the tagging API may not show it yet."""

    @property
    def type(self) -> str:
        return self.arn_type or re.sub(r"(?<!^)(?=[A-Z])", "-", self.noun).lower()

    @property
    def operation_noun(self) -> str:
        return self.called or self.noun

    @property
    def name_member(self) -> str:
        """Return the request member that identifies it."""
        return f"{self.noun}Arn" if self.named_by_arn else f"{self.noun}Name"

    @property
    def status_member(self) -> str:
        return f"{self.noun}Status"

    @property
    def times(self) -> tuple[str, str]:
        """Return the Describe members with the start time and the end time."""
        return f"{self.run}StartTime", f"{self.run}EndTime"

    @property
    def is_job(self) -> bool:
        return self.noun.endswith(("Job", "JobV2"))

    @property
    def end_verb(self) -> str:
        """Return the verb of the operation that ends a running or standing resource."""
        return "Stop" if self.is_job or self.noun == "PipelineExecution" else "Delete"

    @property
    def is_definition(self) -> bool:
        """True if this kind only describes instances that another resource will have."""
        return self.noun == "EndpointConfig" or self.noun.endswith("JobDefinition")

    def operation(self, verb: str) -> str:
        """Return the name of an API operation, for example ``DescribeTrainingJob``."""
        return f"{verb}{self.operation_noun}" + ("s" if verb == "List" else "")

    def method(self, verb: str) -> str:
        """Return the name of a boto3 method, for example ``describe_training_job``."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", self.operation(verb)).lower()

    def group_of(self, name: str) -> str:
        return self.log_group.format(name=name)

    def stream_prefix(self, name: str) -> str:
        """Return the prefix of its log streams' names. Empty if the resource has a log group of its own."""
        return "" if "{name}" in self.log_group else f"{name}/"


_TRAINING_REQUEST = RequestPaths(
    network=("VpcConfig",),
    volume_key=("ResourceConfig.VolumeKmsKeyId",),
    output_key=("OutputDataConfig.KmsKeyId",),
    spot=("EnableManagedSpotTraining",),
    stopping=("StoppingCondition",),
)


def _monitor(quality: str) -> ResourceKind:
    return ResourceKind(
        f"{quality}JobDefinition",
        stage="MonitoringSchedule",
        request=RequestPaths(
            network=("NetworkConfig.VpcConfig",),
            volume_key=("JobResources.ClusterConfig.VolumeKmsKeyId",),
            stopping=("StoppingCondition",),
        ),
    )


_ROWS = (
    ResourceKind(
        "TrainingJob",
        lifecycle=JOB,
        run="Training",
        log_group="/aws/sagemaker/TrainingJobs",
        request=_TRAINING_REQUEST,
        stage="TrainingJob",
        use=TRAINING,
        source_type="SageMakerTrainingJob",
        unique=True,
        removal=2,
        tagged_search=True,
    ),
    ResourceKind(
        "ProcessingJob",
        lifecycle=JOB,
        run="Processing",
        log_group="/aws/sagemaker/ProcessingJobs",
        request=RequestPaths(
            network=("NetworkConfig.VpcConfig",),
            volume_key=("ProcessingResources.ClusterConfig.VolumeKmsKeyId",),
            output_key=("ProcessingOutputConfig.KmsKeyId",),
            stopping=("StoppingCondition",),
        ),
        stage="ProcessingJob",
        use=PROCESSING,
        source_type="SageMakerProcessingJob",
        unique=True,
        removal=2,
        tagged_search=True,
    ),
    ResourceKind(
        "TransformJob",
        lifecycle=JOB,
        run="Transform",
        log_group="/aws/sagemaker/TransformJobs",
        request=RequestPaths(
            volume_key=("TransformResources.VolumeKmsKeyId",),
            output_key=("TransformOutput.KmsKeyId",),
        ),
        stage="TransformJob",
        use=TRANSFORM,
        source_type="SageMakerTransformJob",
        unique=True,
        removal=2,
        tagged_search=True,
    ),
    ResourceKind(
        "HyperParameterTuningJob",
        lifecycle=JOB,
        request=_TRAINING_REQUEST.within(TRAINING_DEFINITIONS),
        stage="TrainingJob",
        unique=True,
        removal=2,
    ),
    ResourceKind("AutoMLJob", arn_type="automl-job", removal=2),
    ResourceKind("AutoMLJobV2", arn_type="automl-job", called="AutoMLJob", removal=2),
    ResourceKind("CompilationJob", removal=2),
    ResourceKind("LabelingJob", removal=2),
    ResourceKind("InferenceRecommendationsJob", removal=2),
    ResourceKind(
        "Endpoint",
        lifecycle=ENDPOINT,
        log_group="/aws/sagemaker/Endpoints/{name}",
        use=HOSTING,
        unique=True,
        removal=4,
        billed=True,
        tagged_search=True,
    ),
    ResourceKind(
        "EndpointConfig",
        request=RequestPaths(volume_key=("KmsKeyId",), output_key=("DataCaptureConfig.KmsKeyId",)),
        stage="Endpoint",
        removal=5,
    ),
    ResourceKind("Model", request=RequestPaths(network=("VpcConfig",)), unique=True, removal=7),
    ResourceKind("ModelPackage", removal=7),
    ResourceKind("ModelPackageGroup", removal=8),
    ResourceKind("ModelCard"),
    ResourceKind("Algorithm"),
    ResourceKind(
        "MonitoringSchedule",
        lifecycle=SCHEDULE,
        request=RequestPaths(
            network=("NetworkConfig.VpcConfig",),
            volume_key=("MonitoringResources.ClusterConfig.VolumeKmsKeyId",),
            output_key=("MonitoringOutputConfig.KmsKeyId",),
            stopping=("StoppingCondition",),
        ).within((DEFINITION,)),
        stage="MonitoringSchedule",
        use=PROCESSING,
        unique=True,
        removal=0,
        billed=True,
        tagged_search=True,
    ),
    ResourceKind("MonitoringExecution"),
    *(_monitor(quality) for quality in ("DataQuality", "ModelBias", "ModelExplainability", "ModelQuality")),
    ResourceKind("Experiment", removal=11),
    ResourceKind("Trial", arn_type="experiment-trial", removal=10),
    ResourceKind("TrialComponent", arn_type="experiment-trial-component", removal=9),
    ResourceKind("Action"),
    ResourceKind("Artifact"),
    ResourceKind("Context"),
    ResourceKind("Pipeline", removal=1),
    ResourceKind("PipelineExecution", lifecycle=PIPELINE_EXECUTION, named_by_arn=True, removal=0, billed=True),
    ResourceKind("FeatureGroup", billed=True),
    ResourceKind("InferenceComponent", removal=3, billed=True),
    ResourceKind("InferenceExperiment", removal=0, billed=True),
    ResourceKind("NotebookInstance", billed=True),
    ResourceKind("App", billed=True),
    ResourceKind("PartnerApp", billed=True),
    ResourceKind("Cluster", billed=True),
    ResourceKind("MlflowApp", billed=True),
    ResourceKind("MlflowTrackingServer", billed=True),
)

KINDS: Mapping[str, ResourceKind] = {row.noun: row for row in _ROWS}
"""The rows by noun."""
BY_TYPE: Mapping[str, ResourceKind] = {row.type: row for row in reversed(_ROWS)}
"""The rows by resource type in ARNs, which is the kind of a record. If two nouns share a type, the first row counts."""
RUN_JOBS: tuple[ResourceKind, ...] = tuple(row for row in _ROWS if row.is_job and row.run)
"""The kinds of jobs that run programs."""
STAGES = frozenset(row.stage for row in _ROWS if row.stage)
"""The nouns that ``harness.toml`` may use for kinds of resources."""


def status_member(arn_type: str) -> str | None:
    """Return the name of the Describe member with the status. None for an ARN type that is not in the table."""
    row = BY_TYPE.get(arn_type)
    return None if row is None else row.status_member


def kind_of(noun: str) -> ResourceKind:
    """Return the row of a noun. A noun that is not in the table gets a row of defaults: AWS has more kinds than it."""
    if noun in KINDS:
        return KINDS[noun]
    row = ResourceKind(noun)
    return replace(row, removal=2) if row.is_job else row
