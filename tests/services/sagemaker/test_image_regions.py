"""Images of Amazon ECR must be of the region of the call; each operation says so in words of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

pytestmark = pytest.mark.provenance(
    "assumed", source="no named source: which images are refused, and how for processing"
)


ROLE = "arn:aws:iam::123456789012:role/Role"
HOST = "683313688378.dkr.ecr."
CLUSTER = {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}
INPUT = {"EndpointInput": {"EndpointName": "e", "LocalPath": "/opt/ml/processing/in"}}
OUTPUT = {"MonitoringOutputs": [{"S3Output": {"S3Uri": "s3://b/o", "LocalPath": "/opt/ml/processing/out"}}]}


def train(client: Any, image: str) -> None:
    client.create_training_job(
        TrainingJobName="t",
        RoleArn=ROLE,
        AlgorithmSpecification={"TrainingImage": image, "TrainingInputMode": "File"},
        OutputDataConfig={"S3OutputPath": "s3://b/o"},
        ResourceConfig=CLUSTER,
        StoppingCondition={"MaxRuntimeInSeconds": 60},
    )


def process(client: Any, image: str) -> None:
    client.create_processing_job(
        ProcessingJobName="p",
        RoleArn=ROLE,
        AppSpecification={"ImageUri": image},
        ProcessingResources={"ClusterConfig": CLUSTER},
    )


def define(client: Any, image: str) -> None:
    client.create_data_quality_job_definition(
        JobDefinitionName="d",
        RoleArn=ROLE,
        DataQualityAppSpecification={"ImageUri": image},
        DataQualityJobInput=INPUT,
        DataQualityJobOutputConfig=OUTPUT,
        JobResources={"ClusterConfig": CLUSTER},
    )


def monitor(client: Any, image: str) -> None:
    job = {
        "RoleArn": ROLE,
        "MonitoringAppSpecification": {"ImageUri": image},
        "MonitoringInputs": [INPUT],
        "MonitoringOutputConfig": OUTPUT,
        "MonitoringResources": {"ClusterConfig": CLUSTER},
    }
    client.create_monitoring_schedule(
        MonitoringScheduleName="s", MonitoringScheduleConfig={"MonitoringJobDefinition": job}
    )


def model(client: Any, image: str) -> None:
    client.create_model(ModelName="m", ExecutionRoleArn=ROLE, PrimaryContainer={"Image": image})


def models(client: Any, image: str) -> None:
    client.create_model(ModelName="m", ExecutionRoleArn=ROLE, Containers=[{"Image": image}])


def training_text(image: str, region: str, suffix: str) -> str:
    return (
        f"Invalid DNS suffix '{suffix}' for region '{region}' in training image. Please provide the valid "
        "<region>.<dns-suffix>: 'us-east-1.amazonaws.com'"
    )


def processing_text(image: str, region: str, suffix: str) -> str:
    named, expected = region, "us-east-1"
    if named == expected:
        named, expected = f"{named}.{suffix}", f"{expected}.amazonaws.com"
    return f"Invalid region {named} in image URI {image}. Please provide an image URI in region {expected}."


def model_text(image: str, region: str, suffix: str) -> str:
    return (
        f'Region of "{image}" does not match expected region of us-east-1. '
        "Cross region ECR image pulls are not allowed."
    )


each_wrong_host = pytest.mark.parametrize(
    ("region", "suffix"),
    [
        ("us-west-2", "amazonaws.com"),
        ("no-such-region-9", "amazonaws.com"),
        ("us-east-1", "amazonaws.com.cn"),
        ("cn-north-1", "amazonaws.com.cn"),
    ],
)


def refuses(sagemaker: Any, create: Callable[..., None], text: Callable[..., str], region: str, suffix: str) -> None:
    image = f"{HOST}{region}.{suffix}/sagemaker-xgboost:3.0-5"
    with pytest.raises(ClientError) as raised:
        create(sagemaker, image)
    error = raised.value.response["Error"]
    assert (error["Code"], error["Message"]) == ("ValidationException", text(image, region, suffix))


@pytest.mark.provenance(
    "recorded", source="issues aws-samples/mlops-amazon-sagemaker#9 and aws/sagemaker-pytorch-inference-toolkit#7"
)
@each_wrong_host
@pytest.mark.parametrize(("create", "text"), [(train, training_text), (model, model_text), (models, model_text)])
def test_an_image_of_another_region_or_domain(
    sagemaker: Any, create: Callable[..., None], text: Callable[..., str], region: str, suffix: str
) -> None:
    refuses(sagemaker, create, text, region, suffix)


@each_wrong_host
@pytest.mark.parametrize("create", [process, define, monitor])
def test_an_image_of_another_region_or_domain_in_processing(
    sagemaker: Any, create: Callable[..., None], region: str, suffix: str
) -> None:
    refuses(sagemaker, create, processing_text, region, suffix)


@pytest.mark.parametrize(
    "host",
    [f"{HOST}us-east-1.amazonaws.com", "683313688378.dkr.ecr-fips.us-east-1.amazonaws.com", "registry:5000"],
)
def test_images_of_the_region_and_of_other_registries(sagemaker: Any, host: str) -> None:
    model(sagemaker, f"{host}/sagemaker-xgboost:3.0-5")
