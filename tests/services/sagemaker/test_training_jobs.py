"""What CreateTrainingJob and its siblings refuse, with the code and the words of the service; and what they list."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.cloud import ANALYZER, BUCKET, ROLE, SKLEARN, Cloud, eventually, running_cloud
from tests.services.sagemaker.refusals import refused_job

pytestmark = pytest.mark.provenance("documented", source="API reference: CreateTrainingJob and its siblings")


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with running_cloud(tmp_path_factory.mktemp("training") / ".harness") as made:
        made.put("data/train.csv", "1,2\n0,3\n")
        yield made


@pytest.fixture
def request_(cloud: Cloud) -> dict[str, Any]:
    return cloud.training_request({"train": f"s3://{BUCKET}/data/"}, HyperParameters={"num_round": "1"})


def refusal(cloud: Cloud, request: dict[str, Any]) -> tuple[str, str]:
    return refused_job(cloud.sagemaker, "training", request)


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_an_unknown_image(cloud: Cloud, request_: dict[str, Any]) -> None:
    request_["AlgorithmSpecification"]["TrainingImage"] = "1234.dkr.ecr.us-east-1.amazonaws.com/my-own:latest"
    code, message = refusal(cloud, request_)
    assert code == "ValidationException"
    assert "my-own:latest' is not in the catalogue" in message
    assert "sagemaker-xgboost" in message


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_an_unknown_version(cloud: Cloud, request_: dict[str, Any]) -> None:
    request_["AlgorithmSpecification"]["TrainingImage"] = "x/sagemaker-xgboost:9.9-9"
    assert "version '9.9-9' is not supported; supported: 0.90-1, " in refusal(cloud, request_)[1]


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_an_image_without_a_train_program(cloud: Cloud, request_: dict[str, Any]) -> None:
    request_["AlgorithmSpecification"]["TrainingImage"] = ANALYZER
    assert "has no 'train' program" in refusal(cloud, request_)[1]


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_script_mode_is_refused_by_name_without_a_toolkit(cloud: Cloud, request_: dict[str, Any]) -> None:
    request_["AlgorithmSpecification"]["TrainingImage"] = ANALYZER
    request_["HyperParameters"]["sagemaker_program"] = '"train.py"'
    assert refusal(cloud, request_)[1].startswith("HyperParameters.sagemaker_program: script mode is not supported by")
    del request_["HyperParameters"]["sagemaker_program"]
    request_["Environment"] = {"SAGEMAKER_PROGRAM": "train.py"}
    assert refusal(cloud, request_)[1].startswith("Environment.SAGEMAKER_PROGRAM: script mode is not supported by")


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_distributed_scripts_are_refused_by_name(cloud: Cloud, request_: dict[str, Any]) -> None:
    request_["AlgorithmSpecification"]["TrainingImage"] = SKLEARN
    request_["HyperParameters"].update(sagemaker_program='"train.py"', sagemaker_mpi_enabled="true")
    assert refusal(cloud, request_)[1].startswith("HyperParameters.sagemaker_mpi_enabled is not supported by")


@pytest.mark.provenance("recorded", source="issues aws/amazon-sagemaker-examples#2267 and #2489")
@pytest.mark.parametrize("uri", ["s3://no-such-bucket/data/", f"s3://{BUCKET}/nothing/here"])
def test_no_objects(cloud: Cloud, request_: dict[str, Any], uri: str) -> None:
    request_["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3Uri"] = uri
    bucket = uri.split("/")[2]
    text = (
        f'No S3 objects found under S3 URL "{uri}" given in input data source. Please ensure that the bucket exists in '
        f'the selected region (us-east-1), that objects exist under that S3 prefix, and that the role "{ROLE}" has '
        f'"s3:ListBucket" permissions on bucket "{bucket}".'
    )
    assert refusal(cloud, request_) == ("ValidationException", text)


@pytest.mark.provenance("assumed", source="no named source: reports of users")
def test_a_taken_name(cloud: Cloud, request_: dict[str, Any]) -> None:
    arn = cloud.sagemaker.create_training_job(**request_)["TrainingJobArn"]
    with pytest.raises(cloud.sagemaker.exceptions.ResourceInUse) as taken:
        cloud.sagemaker.create_training_job(**request_)
    assert taken.value.response["Error"]["Message"] == (
        f"Job name must be unique within an AWS account and region, and a job with this name already exists ({arn})"
    )
    assert cloud.trained(request_["TrainingJobName"])["TrainingJobStatus"] == "Completed"


@pytest.mark.parametrize("member", ["AlgorithmSpecification", "ResourceConfig"])
def test_members_that_only_serverless_jobs_leave_out(cloud: Cloud, request_: dict[str, Any], member: str) -> None:
    del request_[member]
    code, message = refusal(cloud, request_)
    assert (code, message.startswith(f"{member}: required")) == ("ValidationException", True)


CHANNEL = ("InputDataConfig", 0)


@pytest.mark.provenance("assumed", source="harness's own behaviour")
@pytest.mark.parametrize(
    ("place", "value", "text"),
    [
        (("ResourceConfig",), {"InstanceType": "ml.m5.large"}, "ResourceConfig.InstanceCount is required"),
        (("AlgorithmSpecification", "ContainerArguments"), ["a", ""], "string in ContainerArguments at index 1. "),
        (("ResourceConfig", "InstanceCount"), 21, "ResourceConfig.InstanceCount 21: harness runs a job on at most 20"),
        ((*CHANNEL, "CompressionType"), "Gzip", "CompressionType Gzip is only supported in Pipe mode"),
        ((*CHANNEL, "DataSource", "S3DataSource", "InstanceGroupNames"), ["g"], "InstanceGroupNames has 'g'"),
        ((*CHANNEL, "RecordWrapperType"), "RecordIO", "RecordWrapperType RecordIO is only supported in Pipe mode"),
        (
            (*CHANNEL, "DataSource", "S3DataSource", "AttributeNames"),
            ["a"],
            "AttributeNames needs S3DataType Augmented",
        ),
        ((*CHANNEL, "ChannelName"), "..", "cannot be the name of a folder"),
        (("ResourceConfig",), {"VolumeSizeInGB": 1}, "ResourceConfig.InstanceType is required"),
        (
            ("ResourceConfig",),
            {"InstanceGroups": [{"InstanceGroupName": "g", "InstanceCount": 21, "InstanceType": "ml.m5.large"}]},
            "InstanceCount 21: harness runs a job on at most 20 instances",
        ),
        (
            (*CHANNEL, "DataSource", "S3DataSource", "S3DataType"),
            "AugmentedManifestFile",
            "only supported in Pipe mode",
        ),
        (("RetryStrategy",), {"MaximumRetryAttempts": 2}, "RetryStrategy: not supported"),
        (("OutputDataConfig", "S3OutputPath"), "https://no-bucket", "The S3 URI is invalid"),
        (("CheckpointConfig",), {"S3Uri": "s3://b/c", "LocalPath": "/opt/ml"}, "must lie below /opt/ml"),
        (("CheckpointConfig",), {"S3Uri": "s3://b/c", "LocalPath": "/tmp/x"}, "must lie below /opt/ml"),
        (
            ("AlgorithmSpecification", "MetricDefinitions"),
            [{"Name": "m", "Regex": "(unclosed"}],
            "the regex of 'm' is not valid",
        ),
    ],
)
def test_what_is_not_supported_is_refused_by_name(
    cloud: Cloud, request_: dict[str, Any], place: tuple[Any, ...], value: Any, text: str
) -> None:
    spot: Any = request_
    for step in place[:-1]:
        spot = spot[step]
    spot[place[-1]] = value
    code, message = refusal(cloud, request_)
    assert code == "ValidationException"
    assert text in message


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_a_channel_named_twice(cloud: Cloud, request_: dict[str, Any]) -> None:
    request_["InputDataConfig"] *= 2
    assert refusal(cloud, request_)[1] == "InputDataConfig: the name 'train' occurs more than once"


def test_what_the_api_model_forbids_comes_in_one_message(cloud: Cloud, request_: dict[str, Any]) -> None:
    request_["StoppingCondition"]["MaxRuntimeInSeconds"] = 0
    request_["TrainingJobName"] = "not_a_name"
    client = cloud.client("sagemaker", parameter_validation=False)
    with pytest.raises(ClientError) as error:
        client.create_training_job(**request_)
    assert error.value.response["Error"]["Message"].startswith("2 validation errors detected: ")


def test_a_deleted_job_is_gone_and_its_name_free(cloud: Cloud, request_: dict[str, Any]) -> None:
    cloud.sagemaker.create_training_job(**request_)
    name = request_["TrainingJobName"]
    first = cloud.trained(name)
    eventually(lambda: int(time.time()) > first["CreationTime"].timestamp())  # a log's name holds the second
    cloud.sagemaker.delete_training_job(TrainingJobName=name)
    with pytest.raises(ClientError):
        cloud.sagemaker.describe_training_job(TrainingJobName=name)
    cloud.sagemaker.create_training_job(**request_)
    second = cloud.trained(name)
    assert second["TrainingJobStatus"] == "Completed"
    # Nothing of the first is taken for the second's: not its row of metrics, not its log.
    component = cloud.sagemaker.describe_trial_component(TrialComponentName=f"{name}-aws-training-job")
    assert component["StartTime"] == second["TrainingStartTime"] > first["TrainingStartTime"]
    assert (component["Status"]["PrimaryStatus"], component["Metrics"][0]["Count"]) == ("Completed", 1)
    group = "/aws/sagemaker/TrainingJobs"
    streams = cloud.logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{name}/")["logStreams"]
    assert len(streams) == 1


def test_a_job_that_runs_is_not_deleted(cloud: Cloud) -> None:
    name = cloud.start_training(script="import threading; print('ready', flush=True); threading.Event().wait(40)")
    with pytest.raises(cloud.sagemaker.exceptions.ResourceInUse, match="is in status InProgress"):
        cloud.sagemaker.delete_training_job(TrainingJobName=name)
    cloud.says(name, "ready", "TrainingJobs")
    cloud.sagemaker.stop_training_job(TrainingJobName=name)
    assert cloud.trained(name)["TrainingJobStatus"] == "Stopped"


def test_listing(cloud: Cloud) -> None:
    names = [cloud.name("listed") for _ in range(3)]
    for name in names:
        cloud.train(script="pass" if name != names[1] else "raise SystemExit(1)", name=name)
    found = cloud.sagemaker.list_training_jobs(NameContains="listed", SortBy="CreationTime", SortOrder="Ascending")
    assert [item["TrainingJobName"] for item in found["TrainingJobSummaries"]] == names
    summary = found["TrainingJobSummaries"][0]
    assert {"TrainingJobArn", "CreationTime", "TrainingEndTime", "LastModifiedTime"} <= set(summary)
    failed = cloud.sagemaker.list_training_jobs(NameContains="listed", StatusEquals="Failed")["TrainingJobSummaries"]
    assert [item["TrainingJobName"] for item in failed] == [names[1]]


def test_a_job_without_a_stopping_condition_gets_the_default(cloud: Cloud) -> None:
    request = cloud.training_request(algorithm={"ContainerEntrypoint": ["true"]})
    del request["StoppingCondition"]
    cloud.sagemaker.create_training_job(**request)
    job = cloud.trained(request["TrainingJobName"])
    assert (job["TrainingJobStatus"], job["StoppingCondition"]) == ("Completed", {"MaxRuntimeInSeconds": 86400})
