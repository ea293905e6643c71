"""The files, environment and command of a training container, against the documented contract. Nothing runs here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.contract.catalog import resolve_image
from harness.contract.container_environment import ContainerEnvironment
from harness.contract.layout import JobPlan, below_root, relative_key
from harness.contract.training import plan_training
from harness.kernel.records import Key, Record
from harness.runners.spec import Network

pytestmark = pytest.mark.provenance(
    "documented", source="Developer guide: How Amazon SageMaker provides training information"
)


XGBOOST = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.0-5"
SKLEARN = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"
WHERE = ContainerEnvironment("111122223333", "eu-west-1", "http://127.0.0.1:4599", Path("/host/ml"))


def channel(name: str, **more: Any) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://b/{name}", "S3DataDistributionType": "FullyReplicated"}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}, **more}


def plan(image: str = XGBOOST, algorithm: dict[str, Any] | None = None, **more: Any) -> JobPlan:
    spec = {
        "TrainingJobName": "job",
        "AlgorithmSpecification": {"TrainingImage": image, "TrainingInputMode": "File", **(algorithm or {})},
        "RoleArn": "arn:aws:iam::111122223333:role/R",
        "OutputDataConfig": {"S3OutputPath": "s3://b/out/"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        **more,
    }
    key = Key("training-job", "111122223333", "eu-west-1", "job")
    arn = "arn:aws:sagemaker:eu-west-1:111122223333:training-job/job"
    return plan_training(Record(key, arn, spec), resolve_image(image), WHERE)


def document(made: JobPlan, name: str) -> Any:
    return json.loads(made.files[f"input/config/{name}.json"])


def test_a_job_without_anything() -> None:
    made = plan()
    assert set(made.files) == {f"input/config/{name}.json" for name in CONFIGURATIONS}
    assert document(made, "hyperparameters") == {}
    assert document(made, "inputdataconfig") == {}
    assert set(made.folders) == {"input/data", "model", "output/data", "output/metrics/sagemaker"}
    assert made.inputs == ()


CONFIGURATIONS = ("hyperparameters", "inputdataconfig", "resourceconfig")


def test_resource_configuration() -> None:
    assert document(plan(), "resourceconfig") == {
        "current_group_name": "homogeneousCluster",
        "current_host": "algo-1",
        "current_instance_type": "ml.m5.large",
        "hosts": ["algo-1"],
        "instance_groups": [
            {"hosts": ["algo-1"], "instance_group_name": "homogeneousCluster", "instance_type": "ml.m5.large"}
        ],
        "network_interface_name": "lo",
    }


def test_hyperparameters_are_the_texts_that_were_sent() -> None:
    given = {"a": "1", "b": '"quoted"', "c": "true", "d": ""}
    assert document(plan(HyperParameters=given), "hyperparameters") == given


def test_channels_show_no_uri() -> None:
    channels = [
        channel("train", ContentType="text/csv"),
        channel("fast", InputMode="FastFile", RecordWrapperType="RecordIO"),
    ]
    assert document(plan(InputDataConfig=channels), "inputdataconfig") == {
        "train": {
            "ContentType": "text/csv",
            "TrainingInputMode": "File",
            "S3DistributionType": "FullyReplicated",
            "RecordWrapperType": "None",
        },
        "fast": {
            "TrainingInputMode": "File",
            "S3DistributionType": "FullyReplicated",
            "RecordWrapperType": "RecordIO",
        },
    }


def test_environment() -> None:
    env = dict(plan(Environment={"MINE": "1"}).run.env)
    alone = dict(plan(Environment={"MINE": "1"}, EnableNetworkIsolation=True).run.env)
    assert set(env) - set(alone) >= {"PIP_INDEX_URL", "PIP_CONSTRAINT", "UV_DEFAULT_INDEX", "https_proxy", "NO_PROXY"}
    assert alone.items() < env.items()
    assert alone == {
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:4599",
        "AWS_ACCESS_KEY_ID": "111122223333",
        "AWS_SECRET_ACCESS_KEY": "harness",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_EXECUTION_ENV": "AWS_ECS_EC2",
        "PYTHONUNBUFFERED": "1",
        "GOMP_SPINCOUNT": "10000",
        "TRAINING_JOB_NAME": "job",
        "TRAINING_JOB_ARN": "arn:aws:sagemaker:eu-west-1:111122223333:training-job/job",
        "SAGEMAKER_METRICS_DIRECTORY": "/opt/ml/output/metrics/sagemaker",
        "HARNESS_IMAGE_TAG": "3.0-5",
        "MINE": "1",
    }


TRAIN = ("python3", str(resolve_image(XGBOOST).folder / "train.py"))


@pytest.mark.parametrize(
    ("image", "algorithm", "argv"),
    [
        (XGBOOST, {}, TRAIN),
        (XGBOOST, {"ContainerEntrypoint": ["sh", "x"]}, ("sh", "x")),
        (XGBOOST, {"ContainerEntrypoint": ["sh"], "ContainerArguments": ["-c", "x"]}, ("sh", "-c", "x")),
        (SKLEARN, {"ContainerEntrypoint": ["python3", "/opt/ml/x.py"]}, ("python3", "/opt/ml/x.py")),
    ],
)
def test_command(image: str, algorithm: dict[str, Any], argv: tuple[str, ...]) -> None:
    made = plan(image, algorithm)
    assert made.run.argv == argv
    assert bool(made.run.preload) == (argv[0] == "python3"), "a shell must not wait for imports"
    assert made.run.needs_absolute_root == (argv != TRAIN)


def test_network_and_time_limit() -> None:
    assert plan().run.network is Network.EMULATOR
    assert plan(EnableNetworkIsolation=True).run.network is Network.ISOLATED
    assert plan().run.time_limit == 60
    assert plan(StoppingCondition={}).run.time_limit == 86400


def test_artefacts() -> None:
    model, output = plan().outputs
    assert (model.path, str(model.uri), model.archive) == ("model", "s3://b/out/job/output/model.tar.gz", True)
    assert (output.path, str(output.uri), output.archive) == (
        "output/data",
        "s3://b/out/job/output/output.tar.gz",
        True,
    )
    plain = plan(OutputDataConfig={"S3OutputPath": "s3://b/out", "CompressionType": "NONE"}).outputs
    assert [(item.archive, str(item.uri)) for item in plain] == [
        (False, "s3://b/out/job/output/model"),
        (False, "s3://b/out/job/output/output"),
    ]


@pytest.mark.parametrize(
    ("given", "path", "shown"),
    [({}, "checkpoints", "/opt/ml/checkpoints/"), ({"LocalPath": "/opt/ml/mine"}, "mine", "/opt/ml/mine")],
)
def test_checkpoints(given: dict[str, str], path: str, shown: str) -> None:
    made = plan(CheckpointConfig={"S3Uri": "s3://b/c", **given})
    assert document(made, "checkpointconfig") == {"S3Uri": "s3://b/c", "LocalPath": shown}
    assert path in made.folders
    assert (made.inputs[-1].path, str(made.inputs[-1].uri)) == (path, "s3://b/c")
    assert (made.outputs[-1].path, made.outputs[-1].continuous, made.outputs[-1].mirror) == (path, True, True)


@pytest.mark.parametrize(
    ("prefix", "key", "path"),
    [
        ("data", "data/a/b.csv", "a/b.csv"),
        ("data/", "data/a/b.csv", "a/b.csv"),
        ("data/a/b.csv", "data/a/b.csv", "b.csv"),
        ("data/a", "data/abc/x", "abc/x"),
        ("", "x/y", "x/y"),
    ],
)
def test_where_an_object_goes(prefix: str, key: str, path: str) -> None:
    assert relative_key(prefix, key) == path


@pytest.mark.parametrize(
    ("path", "relative"),
    [
        ("/opt/ml/model/", "model"),
        ("/opt/ml", None),
        ("/opt/mlx", None),
        ("/opt/ml/a/../../x", None),
        ("opt/ml/model", None),
        ("/tmp", None),
    ],
)
def test_paths_below_the_root(path: str, relative: str | None) -> None:
    assert below_root(path) == relative
