"""The files, environment and command of a processing container, against the documented contract. Nothing runs here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.contract.catalog import resolve_image
from harness.contract.container_environment import ContainerEnvironment
from harness.contract.layout import JobPlan
from harness.contract.processing import metrics_namespace, plan_processing
from harness.kernel.records import Key, Record
from harness.runners.spec import Network

pytestmark = pytest.mark.provenance("documented", source="Developer guide: Build your own processing container")


SKLEARN = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"
ANALYZER = "156813124566.dkr.ecr.us-east-1.amazonaws.com/sagemaker-model-monitor-analyzer"
WHERE = ContainerEnvironment("111122223333", "eu-west-1", "http://127.0.0.1:4599", Path("/host/ml"))
ARN = "arn:aws:sagemaker:eu-west-1:111122223333:processing-job/job"
INPUT = {
    "InputName": "data",
    "S3Input": {"S3Uri": "s3://b/in", "LocalPath": "/opt/ml/processing/input", "S3DataType": "S3Prefix"},
}
TARGET = {"S3Uri": "s3://b/out", "LocalPath": "/opt/ml/processing/output", "S3UploadMode": "Continuous"}
OUTPUT = {"OutputName": "result", "S3Output": TARGET}


def plan(image: str = SKLEARN, application: dict[str, Any] | None = None, **more: Any) -> JobPlan:
    spec = {
        "ProcessingJobName": "job",
        "AppSpecification": {"ImageUri": image, **(application or {})},
        "RoleArn": "arn:aws:iam::111122223333:role/R",
        "ProcessingResources": {
            "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}
        },
        **more,
    }
    key = Key("processing-job", "111122223333", "eu-west-1", "job")
    return plan_processing(Record(key, ARN, spec), resolve_image(image), WHERE)


def test_the_job_configuration_mirrors_the_request_with_nulls() -> None:
    made = plan(ProcessingInputs=[INPUT], ProcessingOutputConfig={"Outputs": [OUTPUT]}, Environment={"A": "1"})
    assert json.loads(made.files["config/processingjobconfig.json"]) == {
        "ProcessingJobArn": ARN,
        "ProcessingJobName": "job",
        "AppSpecification": {"ImageUri": SKLEARN, "ContainerEntrypoint": None, "ContainerArguments": None},
        "Environment": {"A": "1"},
        "ProcessingInputs": [
            {
                "InputName": "data",
                "AppManaged": False,
                "S3Input": {
                    "LocalPath": "/opt/ml/processing/input",
                    "S3Uri": "s3://b/in",
                    "S3DataDistributionType": "FullyReplicated",
                    "S3DataType": "S3Prefix",
                    "S3InputMode": "File",
                    "S3CompressionType": "None",
                    "S3DownloadMode": "StartOfJob",
                },
                "DatasetDefinition": None,
            }
        ],
        "ProcessingOutputConfig": {
            "Outputs": [{"OutputName": "result", "AppManaged": False, "S3Output": TARGET, "FeatureStoreOutput": None}],
            "KmsKeyId": None,
        },
        "ProcessingResources": {
            "ClusterConfig": {
                "InstanceCount": 1,
                "InstanceType": "ml.m5.large",
                "VolumeSizeInGB": 1,
                "VolumeKmsKeyId": None,
            }
        },
        "RoleArn": "arn:aws:iam::111122223333:role/R",
        "StoppingCondition": {"MaxRuntimeInSeconds": 86400},
    }


def test_files_folders_inputs_and_outputs() -> None:
    made = plan(ProcessingInputs=[INPUT], ProcessingOutputConfig={"Outputs": [OUTPUT]})
    assert set(made.files) == {"config/processingjobconfig.json", "config/resourceconfig.json"}
    assert json.loads(made.files["config/resourceconfig.json"])["hosts"] == ["algo-1"]
    assert set(made.folders) == {
        "output",
        "output/metrics/cloudwatch",
        "processing",
        "processing/input",
        "processing/output",
    }
    assert [(item.path, str(item.uri), item.kind) for item in made.inputs] == [
        ("processing/input", "s3://b/in", "S3Prefix")
    ]
    assert [(item.path, str(item.uri), item.continuous) for item in made.outputs] == [
        ("processing/output", "s3://b/out", True)
    ]


def test_what_the_application_manages_is_left_to_it() -> None:
    managed = {**INPUT, "AppManaged": True}
    made = plan(ProcessingInputs=[managed], ProcessingOutputConfig={"Outputs": [{**OUTPUT, "AppManaged": True}]})
    assert (made.inputs, made.outputs) == ((), ())
    assert json.loads(made.files["config/processingjobconfig.json"])["ProcessingInputs"][0]["AppManaged"] is True


def test_commands() -> None:
    analyze = ("python3", str(resolve_image(ANALYZER).folder / "analyze.py"))
    assert plan(ANALYZER).run.argv == analyze
    assert plan(ANALYZER, {"ContainerArguments": ["x"]}).run.argv == (*analyze, "x")
    assert plan(ANALYZER, {"ContainerEntrypoint": ["sh"]}).run.argv == ("sh",)
    assert plan(SKLEARN, {"ContainerEntrypoint": ["sh", "-c"], "ContainerArguments": ["x"]}).run.argv == (
        "sh",
        "-c",
        "x",
    )


def test_environment_network_and_time_limit() -> None:
    run = plan(
        Environment={"MINE": "1"},
        NetworkConfig={"EnableNetworkIsolation": True},
        StoppingCondition={"MaxRuntimeInSeconds": 9},
    ).run
    own = {name: value for name, value in run.env.items() if not name.startswith("AWS_")}
    assert own == {
        "PYTHONUNBUFFERED": "1",
        "GOMP_SPINCOUNT": "10000",
        "PROCESSING_JOB_NAME": "job",
        "PROCESSING_JOB_ARN": ARN,
        "MINE": "1",
    }
    assert (run.network, run.time_limit) == (Network.ISOLATED, 9)


def test_namespace_of_a_containers_metrics() -> None:
    assert metrics_namespace({"Endpoint": "e", "MonitoringSchedule": "s"}) == "aws/sagemaker/Endpoints/data-metrics"
    assert metrics_namespace({"MonitoringSchedule": "s"}) == "aws/sagemaker/ModelMonitoring/data-metrics"
