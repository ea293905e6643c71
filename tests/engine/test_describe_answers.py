"""Describe answers are complete for clients that check them: SDK v3 refuses a structure without required members."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.model import ListShape, MapShape, Shape, StructureShape

from tests.cloud import BUCKET, Cloud, eventually

pytestmark = pytest.mark.provenance("documented", source="botocore model")


def gaps(shape: Shape, value: Any, path: str = "") -> Iterator[str]:
    """Members that the API model requires and that are not there."""
    if isinstance(shape, StructureShape):
        yield from (f"{path}.{name}" for name in shape.required_members if name not in value)
        for name, member in shape.members.items():
            if name in value:
                yield from gaps(member, value[name], f"{path}.{name}")
    elif isinstance(shape, ListShape):
        for item in value:
            yield from gaps(shape.member, item, path + "[]")
    elif isinstance(shape, MapShape):
        for item in value.values():
            yield from gaps(shape.value, item, path + "{}")


def check(cloud: Cloud, operation: str, **request: str) -> dict[str, Any]:
    method = cloud.sagemaker.meta.method_to_api_mapping[operation]
    answer: dict[str, Any] = getattr(cloud.sagemaker, operation)(**request)
    found = list(gaps(cloud.sagemaker.meta.service_model.operation_model(method).output_shape, answer))
    # There is no model before the end; SDK v3 takes the absence of a member at the top for what it is.
    assert [gap for gap in found if gap != ".ModelArtifacts"] == []
    return answer


@pytest.mark.parametrize("code", ["0", "1"])
def test_of_a_training_job_before_and_after_its_end(cloud: Cloud, code: str) -> None:
    prefix = cloud.name("described")
    request = cloud.training_request(
        {"train": cloud.put(prefix + "/x.csv", "1,2\n")},
        algorithm={
            "ContainerEntrypoint": ["/bin/sh", "-c"],
            "ContainerArguments": [f"echo loss=1; trap 'exit {code}' TERM; echo ready; sleep 50 & wait"],
            "MetricDefinitions": [{"Name": "loss", "Regex": "loss=(.*)"}],
        },
        HyperParameters={"a": "b"},
        Environment={"A": "b"},
        CheckpointConfig={"S3Uri": f"s3://{BUCKET}/{prefix}/checkpoints"},
        DebugHookConfig={"S3OutputPath": f"s3://{BUCKET}/{prefix}"},
        ProfilerConfig={"S3OutputPath": f"s3://{BUCKET}/{prefix}", "DisableProfiler": True},
        Tags=[{"Key": "k", "Value": "v"}],
        VpcConfig={"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]},
        limit=1,
    )
    name = request["TrainingJobName"]
    cloud.sagemaker.create_training_job(**request)
    assert check(cloud, "describe_training_job", TrainingJobName=name)["TrainingJobStatus"] == "InProgress"
    cloud.trained(name)
    ended = check(cloud, "describe_training_job", TrainingJobName=name)
    assert ended["SecondaryStatus"] == "MaxRuntimeExceeded"
    for member in ("DebugHookConfig", "ProfilerConfig", "VpcConfig", "CheckpointConfig"):
        assert ended[member] == request[member], member
    listed = cloud.sagemaker.list_training_jobs(NameContains=name)["TrainingJobSummaries"]
    assert [item["TrainingJobStatus"] for item in listed] == ["Stopped"]
    assert cloud.sagemaker.list_tags(ResourceArn=ended["TrainingJobArn"])["Tags"] == request["Tags"]


@pytest.mark.parametrize("code", [0, 1])
def test_of_a_processing_job_before_and_after_its_end(cloud: Cloud, code: int) -> None:
    name = cloud.start_processing(
        entrypoint=["/bin/sh", "-c", f"trap 'exit {code}' TERM; echo ready; sleep 50 & wait"],
        outputs={"/opt/ml/processing/output": f"s3://{BUCKET}/nothing"},
    )
    check(cloud, "describe_processing_job", ProcessingJobName=name)
    cloud.says(name, "ready")
    cloud.sagemaker.stop_processing_job(ProcessingJobName=name)
    cloud.processed(name)
    check(cloud, "describe_processing_job", ProcessingJobName=name)


def test_a_waiter_of_botocore_sees_the_end(cloud: Cloud) -> None:
    name = cloud.start_training(algorithm={"ContainerEntrypoint": ["true"]})
    cloud.sagemaker.get_waiter("training_job_completed_or_stopped").wait(
        TrainingJobName=name, WaiterConfig={"Delay": 30, "MaxAttempts": 1}
    )
    failing = cloud.start_processing(entrypoint=["false"])
    eventually(lambda: cloud.processed(failing)["ProcessingJobStatus"] == "Failed")
