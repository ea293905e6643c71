from __future__ import annotations

from typing import Any

import pytest

from harness.kernel.errors import ValidationError, ValidationException
from harness.protocol import service_model, validate


def refusal(name: str, request: dict[str, Any]) -> str:
    with pytest.raises(ValidationException) as refused:
        validate(service_model("sagemaker").operation(name), request)
    return str(refused.value.message)


def test_a_fitting_request_passes() -> None:
    validate(service_model("sagemaker").operation("DescribeTrainingJob"), {"TrainingJobName": "my-job"})


def test_a_pattern_that_does_not_match() -> None:
    assert refusal("DescribeTrainingJob", {"TrainingJobName": "my_job"}) == (
        "1 validation error detected: Value 'my_job' at 'trainingJobName' failed to satisfy constraint: "
        "Member must satisfy regular expression pattern: [a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}"
    )


def test_all_violations_come_in_one_message() -> None:
    told = refusal(
        "CreateTrainingJob",
        {
            "TrainingJobName": "a" * 64,
            "ResourceConfig": {"InstanceType": "ml.tiny", "InstanceCount": -1, "VolumeSizeInGB": 1},
            "StoppingCondition": {},
            "OutputDataConfig": {"S3OutputPath": "s3://bucket"},
        },
    )
    assert told.startswith("5 validation errors detected: ")
    assert "Value null at 'roleArn' failed to satisfy constraint: Member must not be null" in told
    assert "at 'trainingJobName' failed to satisfy constraint: Member must have length less than or equal to 63" in told
    assert "at 'trainingJobName' failed to satisfy constraint: Member must satisfy regular expression pattern" in told
    assert "Value 'ml.tiny' at 'resourceConfig.instanceType' failed to satisfy constraint: " in told
    assert "Member must satisfy enum value set: [ml.m4.xlarge, " in told
    assert (
        "Value '-1' at 'resourceConfig.instanceCount' failed to satisfy constraint: "
        "Member must have value greater than or equal to 0" in told
    )


def test_a_maximum() -> None:
    told = refusal("ListTrainingJobs", {"MaxResults": 101})
    assert told.endswith(
        "Value '101' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to 100"
    )


def test_members_of_structures_in_lists_are_counted_from_one() -> None:
    request = {"ResourceArn": "arn:aws:sagemaker:us-east-1:123456789012:model/m", "Tags": [{"Key": "k"}]}
    told = refusal("AddTags", request)
    assert "Value null at 'tags.1.member.value' failed to satisfy constraint: Member must not be null" in told


def test_scalars_in_a_list_are_reported_for_the_list() -> None:
    request = {"ResourceArn": "arn:aws:sagemaker:us-east-1:123456789012:model/m", "TagKeys": ["good", "b#d"]}
    told = refusal("DeleteTags", request)
    assert "Value '[good, b#d]' at 'tagKeys' failed to satisfy constraint: Member must satisfy constraint: [" in told
    assert "Member must have length less than or equal to 128" in told


def test_values_of_a_map_are_reported_for_the_map() -> None:
    told = refusal("CreateModel", {"ModelName": "m", "PrimaryContainer": {"Image": "i", "Environment": {"9": "v"}}})
    assert told.startswith("1 validation error detected: Value '{9=v}' at 'primaryContainer.environment'")
    assert "Map keys must satisfy constraint: [" in told


def test_a_list_that_is_too_short() -> None:
    told = refusal("CreateEndpointConfig", {"EndpointConfigName": "e", "ProductionVariants": []})
    assert "Value '[]' at 'productionVariants' failed to satisfy constraint: " in told
    assert "Member must have length greater than or equal to 1" in told


def test_a_long_value_is_not_repeated_whole() -> None:
    assert len(refusal("DescribeTrainingJob", {"TrainingJobName": "a" * 1_000_000})) < 5000


def test_the_runtime_has_its_own_error() -> None:
    operation = service_model("sagemaker-runtime").operation("InvokeEndpoint")
    with pytest.raises(ValidationError, match="'customAttributes'"):
        validate(operation, {"EndpointName": "e", "Body": b"", "CustomAttributes": "x" * 1025})


def test_the_metrics_service_has_not() -> None:
    operation = service_model("sagemaker-metrics").operation("BatchPutMetrics")
    with pytest.raises(ValidationException, match="'metricData'"):
        validate(operation, {"TrialComponentName": "c", "MetricData": []})


def test_a_union_takes_one_member() -> None:
    operation = service_model("sagemaker").operation("CreateAutoMLJobV2")
    config = {"TabularJobConfig": {"TargetAttributeName": "y"}, "TextClassificationJobConfig": {}}
    with pytest.raises(ValidationException, match=r"'autoMLProblemTypeConfig' .* exactly one of"):
        validate(operation, {"AutoMLProblemTypeConfig": config})


def test_of_very_many_violations_the_first_are_listed_and_all_are_counted() -> None:
    tags = [{"Key": "", "Value": "x" * 300}] * 20_000
    with pytest.raises(ValidationException) as refusal:
        validate(service_model("sagemaker").operation("AddTags"), {"ResourceArn": "arn:x", "Tags": tags})
    assert refusal.value.message.startswith("40002 validation errors detected: ")
    assert refusal.value.message.endswith("; and 39902 more")
    assert len(refusal.value.message) < 200_000
