"""What a profile adds to requests: against botocore's own models, which must still accept them."""

from __future__ import annotations

from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator

from harness.aws_run.request_defaults import RequestDefaults
from harness.aws_run.resource_requests import answered_identity, creation

SERVICES = {name: botocore.session.get_session().get_service_model(name) for name in ("sagemaker", "s3", "lambda")}
NETWORK = {"Subnets": ["s"], "SecurityGroupIds": ["g"]}
ALL = RequestDefaults(
    tags={"team": "ml", "harness:run": "r"},
    subnets=("s",),
    security_groups=("g",),
    volume_key="volume",
    output_key="output",
    instance_types={"Train": "ml.c5.xlarge", "ProcessingJob": "ml.t3.medium"},
    max_runtime={"default": 600},
    spot=("Train",),
    max_wait=100,
)
CLUSTER = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}
TRAINING: dict[str, Any] = {
    "TrainingJobName": "t",
    "AlgorithmSpecification": {"TrainingImage": "i", "TrainingInputMode": "File"},
    "RoleArn": "arn:aws:iam::123456789012:role/R",
    "OutputDataConfig": {"S3OutputPath": "s3://b/o"},
    "ResourceConfig": CLUSTER,
    "StoppingCondition": {"MaxRuntimeInSeconds": 86400},
}
PROCESSING: dict[str, Any] = {
    "ProcessingJobName": "p",
    "AppSpecification": {"ImageUri": "i"},
    "RoleArn": "arn:aws:iam::123456789012:role/R",
    "ProcessingResources": {"ClusterConfig": CLUSTER},
}


def model(operation: str, service: str = "sagemaker") -> Any:
    return SERVICES[service].operation_model(operation)


def applied(
    operation: str, request: dict[str, Any], step: str | None, provisions: RequestDefaults = ALL
) -> dict[str, Any]:
    import copy

    changed = copy.deepcopy(request)
    provisions.apply(model(operation), changed, step)
    report = ParamValidator().validate(changed, model(operation).input_shape)
    assert not report.has_errors(), report.generate_report()
    return changed


def test_a_training_job_gets_it_all() -> None:
    changed = applied("CreateTrainingJob", TRAINING, "Train")
    assert changed["VpcConfig"] == NETWORK
    assert changed["ResourceConfig"]["InstanceType"] == "ml.c5.xlarge"
    assert changed["ResourceConfig"]["VolumeKmsKeyId"] == "volume"
    assert changed["OutputDataConfig"]["KmsKeyId"] == "output"
    assert changed["EnableManagedSpotTraining"] is True
    assert changed["StoppingCondition"] == {"MaxRuntimeInSeconds": 600, "MaxWaitTimeInSeconds": 700}
    assert {tag["Key"]: tag["Value"] for tag in changed["Tags"]} == {"team": "ml", "harness:run": "r"}


def test_by_step_before_by_stage_and_else_as_the_scenario_says() -> None:
    changed = applied("CreateProcessingJob", PROCESSING, "Clean")
    assert changed["ProcessingResources"]["ClusterConfig"]["InstanceType"] == "ml.t3.medium"
    assert changed["NetworkConfig"] == {"VpcConfig": NETWORK}
    assert changed["StoppingCondition"] == {"MaxRuntimeInSeconds": 600}
    assert applied("CreateTrainingJob", TRAINING, "Other")["ResourceConfig"]["InstanceType"] == "ml.m5.large"
    assert "EnableManagedSpotTraining" not in applied("CreateTrainingJob", TRAINING, "Other")


def test_every_training_of_a_tuning_job_is_on_spot_capacity() -> None:
    config = {"Strategy": "Random", "ResourceLimits": {"MaxParallelTrainingJobs": 1}}
    definition = {key: TRAINING[key] for key in ("RoleArn", "OutputDataConfig", "ResourceConfig", "StoppingCondition")}
    definition["AlgorithmSpecification"] = {"TrainingInputMode": "File"}
    tuning = {"HyperParameterTuningJobName": "t", "HyperParameterTuningJobConfig": config}
    one = applied("CreateHyperParameterTuningJob", {**tuning, "TrainingJobDefinition": definition}, "Train")
    assert one["TrainingJobDefinition"]["EnableManagedSpotTraining"] is True
    assert one["TrainingJobDefinition"]["StoppingCondition"]["MaxWaitTimeInSeconds"] == 700
    two = applied("CreateHyperParameterTuningJob", {**tuning, "TrainingJobDefinitions": [definition] * 2}, "Train")
    assert [each["EnableManagedSpotTraining"] for each in two["TrainingJobDefinitions"]] == [True, True]


def test_what_the_scenario_states_stands() -> None:
    stated = {**TRAINING, "VpcConfig": {"Subnets": ["x"], "SecurityGroupIds": ["y"]},
              "StoppingCondition": {"MaxRuntimeInSeconds": 60}, "EnableManagedSpotTraining": False,
              "Tags": [{"Key": "mine", "Value": "1"}, {"Key": "harness:run", "Value": "forged"}]}  # fmt: skip
    changed = applied("CreateTrainingJob", stated, "Train")
    assert changed["VpcConfig"]["Subnets"] == ["x"]
    assert changed["StoppingCondition"] == {"MaxRuntimeInSeconds": 60}
    assert {"Key": "mine", "Value": "1"} in changed["Tags"]
    assert {"Key": "harness:run", "Value": "r"} in changed["Tags"]
    assert len(changed["Tags"]) == 3


def test_no_volume_key_for_machines_with_disks_of_their_own() -> None:
    for kind in ("ml.g5.xlarge", "ml.g4dn.xlarge", "ml.m5d.large", "ml.p4d.24xlarge"):
        request = {**TRAINING, "ResourceConfig": {**CLUSTER, "InstanceType": kind}}
        assert "VolumeKmsKeyId" not in applied("CreateTrainingJob", request, None)["ResourceConfig"]


def test_nothing_provided_changes_nothing() -> None:
    assert applied("CreateTrainingJob", TRAINING, "Train", RequestDefaults()) == TRAINING
    assert applied("DescribeEndpoint", {"EndpointName": "e"}, None) == {"EndpointName": "e"}


def test_a_schedule_of_a_definition_by_name_gets_none_of_its_own() -> None:
    config = {"MonitoringJobDefinitionName": "d", "MonitoringType": "DataQuality"}
    request = {"MonitoringScheduleName": "s", "MonitoringScheduleConfig": config}
    assert applied("CreateMonitoringSchedule", request, None)["MonitoringScheduleConfig"] == config


@pytest.mark.parametrize("operation", ["CreateMonitoringSchedule", "UpdateMonitoringSchedule"])
def test_a_schedule_is_reached_through_all_its_layers(operation: str) -> None:
    definition = {
        "MonitoringInputs": [], "MonitoringOutputConfig": {"MonitoringOutputs": []}, "MonitoringResources":
        {"ClusterConfig": CLUSTER}, "MonitoringAppSpecification": {"ImageUri": "i"}, "RoleArn": TRAINING["RoleArn"],
    }  # fmt: skip
    request = {"MonitoringScheduleName": "s", "MonitoringScheduleConfig": {"MonitoringJobDefinition": definition}}
    provisions = RequestDefaults(
        subnets=("s",), security_groups=("g",), output_key="output", volume_key="volume",
        instance_types={"MonitoringSchedule": "ml.m5.large"}, max_runtime={"default": 600},
    )  # fmt: skip
    changed: dict[str, Any] = {**request}
    provisions.apply(model(operation), changed, None)
    reached = changed["MonitoringScheduleConfig"]["MonitoringJobDefinition"]
    assert reached["MonitoringResources"]["ClusterConfig"]["InstanceType"] == "ml.m5.large"
    assert reached["StoppingCondition"] == {"MaxRuntimeInSeconds": 600}
    assert reached["NetworkConfig"]["VpcConfig"] == NETWORK
    assert reached["MonitoringOutputConfig"]["KmsKeyId"] == "output"
    assert reached["MonitoringResources"]["ClusterConfig"]["VolumeKmsKeyId"] == "volume"


def test_a_version_of_a_package_carries_no_tags_of_its_own() -> None:
    assert "Tags" not in applied("CreateModelPackage", {"ModelPackageGroupName": "g"}, None)
    assert "Tags" in applied("CreateModelPackage", {"ModelPackageName": "p"}, None)


@pytest.mark.parametrize(
    ("service", "operation", "request_", "kind", "name", "identity"),
    [
        ("sagemaker", "CreateTrainingJob", TRAINING, "TrainingJob", "t", {"TrainingJobName": "t"}),
        ("sagemaker", "CreateTransformJob", {"TransformJobName": "t", "ModelName": "m"}, "TransformJob", "t", {}),
        ("sagemaker", "CreateApp", {"DomainId": "d", "AppType": "a", "AppName": "n"}, "App", "n",
         {"DomainId": "d", "AppType": "a", "AppName": "n"}),
        ("s3", "CreateBucket", {"Bucket": "b"}, "Bucket", "b", {"Bucket": "b"}),
        ("lambda", "CreateFunction", {"FunctionName": "f"}, "Function", "f", {"FunctionName": "f"}),
    ],
)  # fmt: skip
def test_what_a_request_creates(
    service: str, operation: str, request_: dict[str, Any], kind: str, name: str, identity: dict[str, str]
) -> None:
    found = creation(model(operation, service), request_)
    assert found is not None
    assert (found.kind, found.name, found.identity) == (kind, name, identity)


def test_what_creates_nothing_and_what_only_the_answer_names() -> None:
    assert creation(model("DescribeEndpoint"), {"EndpointName": "e"}) is None
    assert creation(model("CreatePresignedDomainUrl"), {"DomainId": "d", "UserProfileName": "u"}) is None
    arn = {"ModelPackageArn": "arn:aws:sagemaker:us-east-1:1:model-package/g/1"}
    assert answered_identity(model("CreateModelPackage"), arn) == {"ModelPackageName": arn["ModelPackageArn"]}
    assert answered_identity(model("CreateArtifact"), {"ArtifactArn": "a"}) == {"ArtifactArn": "a"}
