"""CreateTransformJob: what is refused before anything runs. What runs is tested in tests/engine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.cloud import BUCKET, Cloud, running_cloud
from tests.hosting import Hosting, catalogued_server

pytestmark = pytest.mark.provenance("documented", source="API reference: CreateTransformJob and its siblings")


@pytest.fixture(scope="module")
def hosting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosting]:
    with catalogued_server(), running_cloud(tmp_path_factory.mktemp("cloud") / ".harness") as cloud:
        made = Hosting(cloud)
        cloud.put("in/t.csv", "1,2\n")
        yield made
        made.close()


@pytest.fixture(scope="module")
def model(hosting: Hosting) -> str:
    return hosting.model()


@pytest.fixture
def cloud(hosting: Hosting) -> Cloud:
    return hosting.cloud


SOURCE = f"s3://{BUCKET}/in/"


@pytest.mark.provenance("assumed", source="harness's own behaviour")
@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"MaxConcurrentTransforms": 20, "MaxPayloadInMB": 6}, "must not exceed 100 MB"),
        ({"listed": "AugmentedManifestFile"}, "AugmentedManifestFile is not supported"),
        ({"DataCaptureConfig": {"DestinationS3Uri": "s3://b/c"}}, "DataCaptureConfig: not supported"),
        ({"TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 21}}, "InstanceCount 21"),
        ({"processing": {"InputFilter": "$..a"}}, "DataProcessing: .* no recursive descent"),
        ({"processing": {"InputFilter": "a"}}, "DataProcessing: 'a' is not a JSONPath"),
        ({"processing": {"OutputFilter": "$" * 64}}, "outputFilter"),
    ],
)
def test_what_cannot_be_done_is_refused(hosting: Hosting, model: str, more: dict[str, Any], told: str) -> None:
    with pytest.raises(ClientError, match=told) as raised:
        hosting.begin_transform(model, SOURCE, **more)
    assert raised.value.response["Error"]["Code"] == "ValidationException"
    assert hosting.sagemaker.list_transform_jobs()["TransformJobSummaries"] == []


def test_what_it_works_on_must_be_there(hosting: Hosting, model: str) -> None:
    with pytest.raises(ClientError, match="Could not find model"):
        hosting.begin_transform("none", SOURCE)
    with pytest.raises(ClientError, match=f'No S3 objects found under S3 URL "s3://{BUCKET}/none/"'):
        hosting.begin_transform(model, f"s3://{BUCKET}/none/")
    with pytest.raises(ClientError, match='No S3 objects found under S3 URL "s3://no-such-bucket/x"'):
        hosting.begin_transform(model, "s3://no-such-bucket/x")


@pytest.mark.provenance("assumed", source="no named source: reports of users")
def test_jobs_that_are_not_or_have_ended(cloud: Cloud) -> None:
    for call in (cloud.sagemaker.describe_transform_job, cloud.sagemaker.stop_transform_job):
        with pytest.raises(ClientError, match="Could not find job to update with name none"):
            call(TransformJobName="none")


def test_a_job_is_described_listed_and_unique(hosting: Hosting, cloud: Cloud, model: str) -> None:
    request = hosting.transform_request(
        model, SOURCE, name="once", BatchStrategy="SingleRecord", Environment={"A": "1"}
    )
    arn = cloud.sagemaker.create_transform_job(**request)["TransformJobArn"]
    found = hosting.transformed("once")
    assert arn == found["TransformJobArn"] == "arn:aws:sagemaker:us-east-1:123456789012:transform-job/once"
    for member in ("ModelName", "BatchStrategy", "Environment", "TransformResources", "TransformInput"):
        assert found[member] == request[member]
    assert found["TransformOutput"] == {**request["TransformOutput"], "KmsKeyId": ""}
    assert "MaxPayloadInMB" not in found
    [listed] = cloud.sagemaker.list_transform_jobs(StatusEquals="Completed")["TransformJobSummaries"]
    assert (listed["TransformJobName"], listed["TransformJobStatus"]) == ("once", "Completed")
    with pytest.raises(ClientError, match="Job name must be unique within an AWS account and region"):
        cloud.sagemaker.create_transform_job(**request)
    with pytest.raises(ClientError, match="The request was rejected because the transform job is in status Completed"):
        cloud.sagemaker.stop_transform_job(TransformJobName="once")
