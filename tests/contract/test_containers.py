"""What starting an image in a container takes: overrides of ENTRYPOINT and arguments, limits, several hosts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.contract.container_environment import ContainerEnvironment
from harness.contract.containers import Command, ContainerImage
from harness.contract.instance_types import resources_of
from harness.contract.training import plan_training
from harness.kernel.records import Key, Record
from harness.runners.spec import Container, Environment, Resources, RunSpec

pytestmark = pytest.mark.provenance("documented", source="API reference: AlgorithmSpecification, AppSpecification")


URI = "1.dkr.ecr.us-east-1.amazonaws.com/team/mine:1"
SPEC = RunSpec("job", (), Environment("harness"), Path("/root-of-job"))


@pytest.mark.parametrize(
    ("word", "entrypoint", "arguments", "expected"),
    [
        ("train", (), (), (None, ("train",))),
        ("train", ("a",), (), (("a",), None)),
        ("train", (), ("b",), (None, ("b",))),
        ("train", ("a",), ("b",), (("a",), ("b",))),
        ("serve", (), (), (None, ("serve",))),
        ("", (), (), (None, None)),
        ("", ("a",), (), (("a",), None)),
        ("", (), ("b",), (None, ("b",))),
    ],
)
def test_overrides(
    word: str,
    entrypoint: tuple[str, ...],
    arguments: tuple[str, ...],
    expected: tuple[tuple[str, ...] | None, tuple[str, ...] | None],
) -> None:
    container = ContainerImage(URI).command_spec(SPEC, Command(word, "", entrypoint, arguments)).container
    assert container == Container(URI, *expected)


@pytest.mark.provenance("assumed", source="harness's own behaviour")
@pytest.mark.parametrize(
    ("instance_type", "resources"),
    [
        ("ml.m5.xlarge", Resources("ml.m5.xlarge", 4, 16 << 30)),
        ("ml.c4.large", Resources("ml.c4.large", 2, 15 << 28)),
        ("ml.g4dn.12xlarge", Resources("ml.g4dn.12xlarge", 48, 192 << 30, 4)),
        ("ml.unheard.of", Resources("ml.unheard.of")),
        ("", Resources()),
    ],
)
def test_instance_types(instance_type: str, resources: Resources) -> None:
    assert resources_of(instance_type) == resources


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_names() -> None:
    assert ContainerImage("x.y:5000/sagemaker-xgboost:3.0-5").name == "xgboost"
    assert ContainerImage(URI).name == "mine"


def test_hosts() -> None:
    source = {"S3DataType": "S3Prefix", "S3Uri": "s3://b/d", "S3DataDistributionType": "ShardedByS3Key"}
    spec = {
        "AlgorithmSpecification": {"TrainingImage": URI, "TrainingInputMode": "File"},
        "InputDataConfig": [{"ChannelName": "train", "DataSource": {"S3DataSource": source}}],
        "OutputDataConfig": {"S3OutputPath": "s3://b/out"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 11, "VolumeSizeInGB": 1},
    }
    record = Record(Key("training-job", "1", "us-east-1", "job"), "arn", spec)
    first = plan_training(
        record, ContainerImage(URI), ContainerEnvironment("1", "us-east-1", "http://x", Path("/jobs/ml"))
    )
    plans = (first, *first.others)
    hosts = [f"algo-{number}" for number in range(1, 12)]
    assert [plan.run.hostname for plan in plans] == hosts
    assert [plan.run.root.name for plan in plans] == ["ml", *(f"ml-{host}" for host in hosts[1:])]
    assert [plan.inputs[0].share for plan in plans] == [(number, 11) for number in range(11)]
    assert {plan.run.group for plan in plans} == {"/jobs"}
    assert all(plan.run.peers == tuple(hosts) for plan in plans)
    config = json.loads(plans[2].files["input/config/resourceconfig.json"])
    assert config["current_host"] == "algo-3"
    assert config["hosts"] == ["algo-1", "algo-10", "algo-11", *hosts[1:9]]
    assert config["network_interface_name"] == "eth0"


def test_one_host_is_no_group() -> None:
    (where,) = ContainerEnvironment("1", "us-east-1", "http://x", Path("/jobs/ml")).of_cluster(
        {"InstanceType": "ml.m5.large"}
    )
    assert where.group == ""
    assert where.root == Path("/jobs/ml")
