from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from harness.emulator import Emulator
from harness.kernel.errors import ValidationException
from harness.kernel.records import Key, Record
from harness.protocol import service_model
from harness.services.registry import operation

pytestmark = pytest.mark.provenance("documented", source="API reference: AddTags, ListTags, DeleteTags")


def tags_of(sagemaker: Any, arn: str) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in sagemaker.list_tags(ResourceArn=arn)["Tags"]}


def test_tags_of_create_are_listed_changed_and_deleted(sagemaker: Any) -> None:
    arn = sagemaker.create_experiment(ExperimentName="exp", Tags=[{"Key": "a", "Value": "1"}])["ExperimentArn"]
    assert tags_of(sagemaker, arn) == {"a": "1"}
    answer = sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "a", "Value": "2"}, {"Key": "b", "Value": ""}])
    assert {tag["Key"]: tag["Value"] for tag in answer["Tags"]} == {"a": "2", "b": ""}
    sagemaker.delete_tags(ResourceArn=arn, TagKeys=["a", "never"])
    assert tags_of(sagemaker, arn) == {"b": ""}


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_a_job_is_found_by_its_arn_in_lower_case(sagemaker: Any, records_emulator: Emulator) -> None:
    arn = "arn:aws:sagemaker:us-east-1:123456789012:training-job/my-job"
    key = Key("training-job", "123456789012", "us-east-1", "My-Job")
    records_emulator.records.add(Record(key, arn, {"TrainingJobName": "My-Job"}))
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "a", "Value": "1"}])
    assert tags_of(sagemaker, arn) == {"a": "1"}


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:sagemaker:us-east-1:123456789012:experiment/no",
        "arn:aws:sagemaker:us-east-1:999999999999:experiment/exp",
        "arn:aws:sagemaker:us-east-1:123456789012:nothing",
    ],
)
def test_an_arn_of_nothing_is_refused(sagemaker: Any, arn: str) -> None:
    sagemaker.create_experiment(ExperimentName="exp")
    with pytest.raises(ClientError) as caught:
        sagemaker.list_tags(ResourceArn=arn)
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    assert arn in caught.value.response["Error"]["Message"]


@pytest.mark.parametrize(
    "tags",
    [
        [{"Key": "aws:mine", "Value": "x"}],
        [{"Key": "b", "Value": "x"}, {"Key": "b", "Value": "x"}],
        [{"Key": f"key-{number}", "Value": "x"} for number in range(50)],
    ],
)
def test_reserved_and_too_many_tags_are_refused(sagemaker: Any, tags: list[dict[str, str]]) -> None:
    arn = sagemaker.create_experiment(ExperimentName="exp", Tags=[{"Key": "a", "Value": "1"}])["ExperimentArn"]
    with pytest.raises(ClientError) as caught:
        sagemaker.add_tags(ResourceArn=arn, Tags=tags)
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    assert tags_of(sagemaker, arn) == {"a": "1"}


@pytest.mark.provenance("assumed", source="no named source: reports of users")
def test_reserved_tags_are_not_deleted(sagemaker: Any) -> None:
    arn = sagemaker.create_experiment(ExperimentName="exp")["ExperimentArn"]
    with pytest.raises(ClientError, match="System prefix 'aws:' reserved for AWS usage in tag key: aws:x"):
        sagemaker.delete_tags(ResourceArn=arn, TagKeys=["a", "aws:x"])


def served(name: str) -> Any:
    return operation("sagemaker", name)


def members(operation: Any) -> Any:
    return operation.input.members if operation.input else {}


@pytest.mark.provenance("assumed", source="no named source: reports of users")
def test_every_operation_that_takes_tags_refuses_reserved_and_repeated_keys() -> None:
    model = service_model("sagemaker")
    names = [name for name in model.operation_names if served(name) and "Tags" in members(model.operation(name))]
    assert {"CreateTrainingJob", "CreateModel", "CreateExperiment", "CreateMonitoringSchedule"} <= set(names)
    for name in names:
        for keys, text in ((["AWS:mine"], "System prefix 'aws:' reserved"), (["a", "a"], "Duplicate tag key: a")):
            with pytest.raises(ValidationException, match=text):
                served(name)(None, {"Tags": [{"Key": key, "Value": "1"} for key in keys]})
