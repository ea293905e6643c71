"""What CreateProcessingJob and its siblings refuse, with the code and the words of the service."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.cloud import BUCKET, ROLE, Cloud, running_cloud
from tests.services.sagemaker.refusals import refused_job

pytestmark = pytest.mark.provenance("documented", source="API reference: CreateProcessingJob and its siblings")


BASE = "/opt/ml/processing"


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with running_cloud(tmp_path_factory.mktemp("processing") / ".harness") as made:
        made.put("data/a.csv", "1,2\n")
        yield made


@pytest.fixture
def request_(cloud: Cloud) -> dict[str, Any]:
    return cloud.processing_request(
        inputs={f"{BASE}/input/a": f"s3://{BUCKET}/data/"},
        outputs={f"{BASE}/output/b": f"s3://{BUCKET}/out"},
        entrypoint=["true"],
        Environment={"analysis_type": "MODEL_QUALITY"},
    )


def refusal(cloud: Cloud, request: dict[str, Any]) -> tuple[str, str]:
    return refused_job(cloud.sagemaker, "processing", request)


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_an_unknown_image(cloud: Cloud, request_: dict[str, Any]) -> None:
    request_["AppSpecification"]["ImageUri"] = "registry:5000/my-own"
    code, message = refusal(cloud, request_)
    assert code == "ValidationException"
    assert "'registry:5000/my-own' is not in the catalogue" in message


@pytest.mark.provenance("recorded", source="issue aws/amazon-sagemaker-examples#1938")
@pytest.mark.parametrize("uri", ["s3://no-such-bucket/data", f"s3://{BUCKET}/nothing"])
def test_no_objects(cloud: Cloud, request_: dict[str, Any], uri: str) -> None:
    request_["ProcessingInputs"][0]["S3Input"]["S3Uri"] = uri
    code, message = refusal(cloud, request_)
    assert code == "ValidationException"
    assert message.startswith(f'No S3 objects found under S3 URL "{uri}" given in input data source.')
    assert ROLE in message


def test_a_taken_name(cloud: Cloud, request_: dict[str, Any]) -> None:
    arn = cloud.sagemaker.create_processing_job(**request_)["ProcessingJobArn"]
    with pytest.raises(cloud.sagemaker.exceptions.ResourceInUse, match=f"already exists .{arn}."):
        cloud.sagemaker.create_processing_job(**request_)
    assert cloud.processed(request_["ProcessingJobName"])["ProcessingJobStatus"] == "Completed"


INPUT = ("ProcessingInputs", 0)
ANALYZER = "156813124566.dkr.ecr.us-east-1.amazonaws.com/sagemaker-model-monitor-analyzer"
MISSING = (
    "Input in-0 missing one or more required fields for SageMaker-managed S3Input: "
    '"LocalPath", "S3DownloadMode", "S3InputMode"'
)
OUTPUT = ("ProcessingOutputConfig", "Outputs", 0)


@pytest.mark.provenance("assumed", source="harness's own behaviour")
@pytest.mark.parametrize(
    ("place", "value", "text"),
    [
        ((*INPUT, "S3Input", "LocalPath"), "/tmp/data", "must be an absolute path below /opt/ml/processing"),
        ((*INPUT, "S3Input", "LocalPath"), "/opt/ml", "must be an absolute path below /opt/ml/processing"),
        ((*INPUT, "S3Input", "LocalPath"), "/opt/ml/processing/../config", "must be an absolute path"),
        ((*INPUT, "S3Input", "LocalPath"), "/opt/ml/config", "must be an absolute path below /opt/ml/processing"),
        ((*INPUT, "S3Input", "S3InputMode"), "Pipe", "S3InputMode Pipe is not supported"),
        ((*INPUT, "S3Input", "LocalPath"), f"{BASE}/output/b", "is the same as, or below"),
        ((*OUTPUT, "S3Output", "LocalPath"), f"{BASE}/input", "is the same as, or below"),
        ((*OUTPUT, "S3Output", "S3Uri"), "https://no-bucket", "The S3 URI is invalid"),
        ((*INPUT, "S3Input"), {"S3Uri": f"s3://{BUCKET}/data/", "S3DataType": "S3Prefix"}, MISSING),
        (
            (*INPUT, "S3Input"),
            {"S3Uri": f"s3://{BUCKET}/data/", "S3DataType": "S3Prefix", "LocalPath": f"{BASE}/input/a"},
            MISSING,
        ),
        (("AppSpecification", "ContainerEntrypoint"), ["python3", ""], "string in ContainerEntrypoint at index 1. "),
        (("AppSpecification", "ContainerArguments"), ["", "x"], "string in ContainerArguments at index 0. "),
        (("ProcessingResources", "ClusterConfig"), {"VolumeSizeInGB": 1}, "ClusterConfig.InstanceType is required"),
        (
            ("ProcessingResources", "ClusterConfig"),
            {"VolumeSizeInGB": 1, "InstanceType": "ml.m5.large"},
            "ClusterConfig.InstanceCount is required",
        ),
        (("AppSpecification",), {"ImageUri": ANALYZER}, "Environment.analysis_type MODEL_QUALITY is not supported"),
        ((*OUTPUT, "FeatureStoreOutput"), {"FeatureGroupName": "f"}, "only S3Output is supported"),
        (("ProcessingResources", "ClusterConfig", "InstanceCount"), 21, "harness runs a job on at most 20 instances"),
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
def test_names_given_twice(cloud: Cloud, request_: dict[str, Any]) -> None:
    twice = {**request_["ProcessingInputs"][0], "S3Input": {**request_["ProcessingInputs"][0]["S3Input"]}}
    twice["S3Input"]["LocalPath"] = f"{BASE}/input/c"
    request_["ProcessingInputs"].append(twice)
    assert refusal(cloud, request_)[1] == "ProcessingInputs: the name 'in-0' occurs more than once"


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_a_dataset_definition_is_refused(cloud: Cloud, request_: dict[str, Any]) -> None:
    del request_["ProcessingInputs"][0]["S3Input"]
    request_["ProcessingInputs"][0]["DatasetDefinition"] = {"LocalPath": f"{BASE}/input/a"}
    assert "only S3Input is supported" in refusal(cloud, request_)[1]


@pytest.mark.provenance(
    "documented", source="Developer guide: Amazon SageMaker Processing, its example of code below the data"
)
def test_inputs_may_lie_in_each_other(cloud: Cloud) -> None:
    """The guide's own example: the data in …/input, the code in …/input/code."""
    data = f"s3://{BUCKET}/data/"
    job = cloud.process("pass", inputs={f"{BASE}/input": data, f"{BASE}/input/more/": data})
    assert job["ProcessingJobStatus"] == "Completed"


def test_listing(cloud: Cloud) -> None:
    names = [cloud.name("listed") for _ in range(2)]
    for name, word in zip(names, ("true", "false"), strict=True):
        cloud.process(name=name, entrypoint=[word])
    found = cloud.sagemaker.list_processing_jobs(NameContains="listed", SortBy="Name")["ProcessingJobSummaries"]
    assert [item["ProcessingJobStatus"] for item in reversed(found)] == ["Completed", "Failed"]
    assert "FailureReason" in found[0]
