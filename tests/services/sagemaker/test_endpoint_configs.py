from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.services.sagemaker.test_models import create as create_model

pytestmark = pytest.mark.provenance("documented", source="API reference: CreateEndpointConfig and its siblings")


ARN = "arn:aws:sagemaker:us-east-1:123456789012:endpoint-config/c"
VARIANT = {"VariantName": "v", "ModelName": "m", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
CAPTURE = {
    "InitialSamplingPercentage": 20,
    "DestinationS3Uri": "s3://b/captured",
    "CaptureOptions": [{"CaptureMode": "Input"}],
}


@pytest.fixture(autouse=True)
def _model(sagemaker: Any) -> None:
    create_model(sagemaker)


def create(sagemaker: Any, *variants: dict[str, Any], **more: Any) -> Any:
    return sagemaker.create_endpoint_config(
        EndpointConfigName="c", ProductionVariants=list(variants) or [VARIANT], **more
    )


def test_a_configuration_is_described_as_it_was_created(sagemaker: Any) -> None:
    assert create(sagemaker, DataCaptureConfig=CAPTURE)["EndpointConfigArn"] == ARN
    found = sagemaker.describe_endpoint_config(EndpointConfigName="c")
    assert found["EndpointConfigArn"] == ARN
    assert found["ProductionVariants"] == [{**VARIANT, "InitialVariantWeight": 1.0}]
    assert found["DataCaptureConfig"] == CAPTURE
    # The SDK's update_endpoint sends what it read here as a new configuration.
    sagemaker.create_endpoint_config(EndpointConfigName="again", ProductionVariants=found["ProductionVariants"])


@pytest.mark.provenance("documented", source="source code: aws/amazon-sagemaker-operator-for-k8s")
def test_names_are_taken_and_missing_in_the_services_words(sagemaker: Any) -> None:
    create(sagemaker)
    missing = f'Could not find endpoint configuration "{ARN[:-1]}n".'
    for call, told in (
        (lambda: create(sagemaker), f'Cannot create already existing endpoint configuration "{ARN}".'),
        (lambda: sagemaker.describe_endpoint_config(EndpointConfigName="n"), missing),
        (lambda: sagemaker.delete_endpoint_config(EndpointConfigName="n"), missing),
    ):
        with pytest.raises(ClientError) as raised:
            call()
        error = raised.value.response["Error"]
        assert (error["Code"], error["Message"]) == ("ValidationException", told)


def test_configurations_are_listed_and_deleted(sagemaker: Any) -> None:
    create(sagemaker)
    [found] = sagemaker.list_endpoint_configs(NameContains="c")["EndpointConfigs"]
    assert (found["EndpointConfigName"], found["EndpointConfigArn"]) == ("c", ARN)
    sagemaker.delete_endpoint_config(EndpointConfigName="c")
    assert sagemaker.list_endpoint_configs()["EndpointConfigs"] == []


@pytest.mark.provenance("assumed", source="harness's own behaviour")
@pytest.mark.parametrize(
    ("variants", "more", "told"),
    [
        ([{**VARIANT, "ModelName": "none"}], {}, "Could not find model"),
        ([VARIANT, VARIANT], {}, "Duplicate variant name 'v'"),
        ([{"VariantName": "v", "ModelName": "m"}], {}, "has no InstanceType"),
        ([{"VariantName": "v", "ModelName": "m", "InstanceType": "ml.m5.large"}], {}, "has no InitialInstanceCount"),
        ([{"VariantName": "v", "InstanceType": "ml.m5.large"}], {}, "has no ModelName"),
        (
            [{"VariantName": "v", "ModelName": "m", "ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 1}}],
            {},
            "ServerlessConfig: not supported",
        ),
        (
            [VARIANT],
            {"DataCaptureConfig": {**CAPTURE, "DestinationS3Uri": "s3://"}},
            "dataCaptureConfig.destinationS3Uri",
        ),
        (
            [VARIANT],
            {"AsyncInferenceConfig": {"OutputConfig": {"S3OutputPath": "s3://b/o"}}},
            "AsyncInferenceConfig: not supported",
        ),
        ([{**VARIANT, "EnableSSMAccess": True}], {}, "EnableSSMAccess: not supported"),
        ([{**VARIANT, "RoutingConfig": {"RoutingStrategy": "ROUND_ROBIN"}}], {}, "routingStrategy"),
    ],
)
def test_what_cannot_be_served_is_refused(
    sagemaker: Any, variants: list[dict[str, Any]], more: dict[str, Any], told: str
) -> None:
    with pytest.raises(ClientError, match=told):
        create(sagemaker, *variants, **more)
    assert sagemaker.list_endpoint_configs()["EndpointConfigs"] == []
