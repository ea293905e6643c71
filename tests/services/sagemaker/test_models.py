from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.cloud import ANALYZER

pytestmark = pytest.mark.provenance("documented", source="API reference: CreateModel and its siblings")

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.0-5"
ROLE = "arn:aws:iam::123456789012:role/Role"
ARN = "arn:aws:sagemaker:us-east-1:123456789012:model/m"


SOURCE = {"S3Uri": "s3://b/m.tar.gz", "S3DataType": "S3Object", "CompressionType": "Gzip"}


def create(sagemaker: Any, name: str = "m", **container: Any) -> Any:
    primary = {"Image": IMAGE, "ModelDataUrl": "s3://b/model.tar.gz", **container}
    return sagemaker.create_model(ModelName=name, PrimaryContainer=primary, ExecutionRoleArn=ROLE)


def test_a_model_is_described_as_it_was_created(sagemaker: Any) -> None:
    assert create(sagemaker, Environment={"A": "1"})["ModelArn"] == ARN
    found = sagemaker.describe_model(ModelName="m")
    assert found["ModelArn"] == ARN
    assert (found["ExecutionRoleArn"], found["EnableNetworkIsolation"]) == (ROLE, False)
    assert found["PrimaryContainer"] == {
        "Image": IMAGE,
        "Mode": "SingleModel",
        "ModelDataUrl": "s3://b/model.tar.gz",
        "Environment": {"A": "1"},
        "ModelDataSource": {
            "S3DataSource": {"S3Uri": "s3://b/model.tar.gz", "S3DataType": "S3Object", "CompressionType": "Gzip"}
        },
    }
    assert found["CreationTime"]


def test_a_single_container_may_be_given_as_a_list(sagemaker: Any) -> None:
    sagemaker.create_model(ModelName="m", Containers=[{"Image": IMAGE}], ExecutionRoleArn=ROLE)
    assert sagemaker.describe_model(ModelName="m")["Containers"] == [{"Image": IMAGE}]


@pytest.mark.provenance("documented", source="source code: aws/amazon-sagemaker-operator-for-k8s")
def test_names_are_taken_and_missing_in_the_services_words(sagemaker: Any) -> None:
    create(sagemaker)
    for call, told in (
        (lambda: create(sagemaker), f'Cannot create already existing model "{ARN}".'),
        (lambda: sagemaker.describe_model(ModelName="n"), f'Could not find model "{ARN[:-1]}n".'),
        (lambda: sagemaker.delete_model(ModelName="n"), f'Could not find model "{ARN[:-1]}n".'),
    ):
        with pytest.raises(ClientError) as raised:
            call()
        error = raised.value.response
        assert (error["Error"]["Code"], error["Error"]["Message"]) == ("ValidationException", told)
        assert error["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_models_are_listed_and_deleted(sagemaker: Any) -> None:
    for name in ("a", "b", "other"):
        create(sagemaker, name)
    page = sagemaker.list_models(SortBy="Name", SortOrder="Ascending", MaxResults=2)
    rest = sagemaker.list_models(SortBy="Name", SortOrder="Ascending", MaxResults=2, NextToken=page["NextToken"])
    assert [item["ModelName"] for item in page["Models"] + rest["Models"]] == ["a", "b", "other"]
    sagemaker.delete_model(ModelName="a")
    assert [item["ModelName"] for item in sagemaker.list_models(NameContains="a")["Models"]] == []


@pytest.mark.provenance("assumed", source="harness's own behaviour")
@pytest.mark.parametrize(
    ("container", "told"),
    [
        ({"Image": "nobody/knows:1"}, "is not in the catalogue"),
        ({"Image": IMAGE.replace("3.0-5", "9.9-9")}, "supported: "),
        ({"Image": ANALYZER}, "cannot host a model"),
        ({"Mode": "MultiModel"}, "MultiModel is not supported"),
        ({"ModelDataUrl": "http://b/model.tar.gz"}, "primaryContainer.modelDataUrl"),
        ({"ModelPackageName": "p"}, "not allowed in a container with a ModelPackageName"),
        ({"Environment": {"SAGEMAKER_MULTI_MODEL": "true"}}, "Environment.SAGEMAKER_MULTI_MODEL: several models"),
        ({"ModelDataSource": {"S3DataSource": {**SOURCE, "S3DataType": "S3Prefix"}}}, "Gzip needs S3DataType S3Object"),
        ({"ModelDataSource": {"S3DataSource": {**SOURCE, "ManifestS3Uri": "s3://b/m"}}}, "ManifestS3Uri: not support"),
        ({"ImageConfig": {"RepositoryAccessMode": "Vpc"}}, "RepositoryAccessMode Vpc is not supported"),
    ],
)
def test_what_cannot_be_hosted_is_refused(sagemaker: Any, container: dict[str, Any], told: str) -> None:
    with pytest.raises(ClientError, match=told):
        create(sagemaker, **container)
    assert sagemaker.list_models()["Models"] == []


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_a_model_has_exactly_one_container(sagemaker: Any) -> None:
    one = {"Image": IMAGE}
    for containers, told in (
        ({}, "needs a PrimaryContainer"),
        ({"PrimaryContainer": one, "Containers": [one]}, "both PrimaryContainer and Containers"),
        ({"Containers": [one, one]}, "not supported by harness"),
    ):
        with pytest.raises(ClientError, match=told):
            sagemaker.create_model(ModelName="m", ExecutionRoleArn=ROLE, **containers)
