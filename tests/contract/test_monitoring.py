"""An execution as a CreateProcessingJob request, for definitions of both APIs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from harness.contract.monitoring import (
    Definition,
    Execution,
    processing_request,
    read_inline_definition,
    read_job_definition,
)
from harness.kernel.s3uri import S3Uri

pytestmark = pytest.mark.provenance("documented", source="Developer guide: Container contract inputs of Model Monitor")


SCHEDULED = 1_772_362_800.0  # 2026-03-01T11:00:00Z
IMAGE = "156813124566.dkr.ecr.us-east-1.amazonaws.com/sagemaker-model-monitor-analyzer"
SOURCE = {"EndpointName": "e", "LocalPath": "/opt/ml/processing/input/endpoint"}
OUTPUT = {"S3Output": {"S3Uri": "s3://b/reports", "LocalPath": "/opt/ml/processing/out"}}
CLUSTER = {"ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}}
BASELINE = {
    "ConstraintsResource": {"S3Uri": "s3://b/base/constraints.json"},
    "StatisticsResource": {"S3Uri": "s3://b/base/statistics.json"},
}


def execution() -> Execution:
    folders = [S3Uri.parse(f"s3://b/captured/e/v/2026/03/01/{hour}") for hour in ("09", "10")]
    return Execution("s", "job", SCHEDULED, SCHEDULED - 7200, SCHEDULED, S3Uri.parse("s3://b/captured"), folders)


def data_quality(**application: Any) -> Definition:
    return read_job_definition(
        {
            "DataQualityAppSpecification": {"ImageUri": IMAGE, **application},
            "DataQualityJobInput": {"EndpointInput": SOURCE},
            "DataQualityJobOutputConfig": {"MonitoringOutputs": [OUTPUT]},
            "DataQualityBaselineConfig": BASELINE,
            "JobResources": CLUSTER,
            "RoleArn": "role",
            "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        }
    )


def inline() -> Definition:
    return read_inline_definition(
        {
            "MonitoringAppSpecification": {"ImageUri": IMAGE},
            "MonitoringInputs": [{"EndpointInput": SOURCE}],
            "MonitoringOutputConfig": {"MonitoringOutputs": [OUTPUT]},
            "BaselineConfig": BASELINE,
            "MonitoringResources": CLUSTER,
            "RoleArn": "role",
            "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        }
    )


def test_both_apis_mean_the_same_job() -> None:
    assert processing_request(data_quality(), execution()) == processing_request(inline(), execution())


def test_the_environment_of_a_monitoring_job() -> None:
    found = processing_request(data_quality(Environment={"mine": "1"}), execution())["Environment"]
    assert json.loads(found.pop("dataset_format")) == {
        "sagemakerCaptureJson": {"captureIndexNames": ["endpointInput", "endpointOutput"]}
    }
    assert found == {
        "dataset_source": "/opt/ml/processing/input/endpoint",
        "output_path": "/opt/ml/processing/out",
        "publish_cloudwatch_metrics": "Enabled",
        "start_time": "2026-03-01T09:00:00Z",
        "end_time": "2026-03-01T11:00:00Z",
        "metric_time": "2026-03-01T09:00:00Z",
        "sagemaker_endpoint_name": "e",
        "sagemaker_monitoring_schedule_name": "s",
        "sagemaker_endpoint_datacapture_prefix": "s3://b/captured",
        "baseline_constraints": "/opt/ml/processing/baseline/constraints/constraints.json",
        "baseline_statistics": "/opt/ml/processing/baseline/stats/statistics.json",
        "mine": "1",
    }


@pytest.mark.provenance("assumed", source="no named source: outputs of notebooks that are not named")
def test_every_hour_is_an_input_of_its_own_and_the_baseline_two() -> None:
    inputs = processing_request(data_quality(), execution())["ProcessingInputs"]
    assert {item["InputName"]: (item["S3Input"]["S3Uri"], item["S3Input"]["LocalPath"]) for item in inputs} == {
        "endpoint_input_1": (
            "s3://b/captured/e/v/2026/03/01/09", "/opt/ml/processing/input/endpoint/e/v/2026/03/01/09"
        ),
        "endpoint_input_2": (
            "s3://b/captured/e/v/2026/03/01/10", "/opt/ml/processing/input/endpoint/e/v/2026/03/01/10"
        ),
        "baseline": ("s3://b/base/statistics.json", "/opt/ml/processing/baseline/stats"),
        "constraints": ("s3://b/base/constraints.json", "/opt/ml/processing/baseline/constraints"),
    }  # fmt: skip


@pytest.mark.provenance("assumed", source="no named source: outputs of notebooks that are not named")
def test_the_report_lies_by_the_hour_of_the_run() -> None:
    [output] = processing_request(data_quality(), execution())["ProcessingOutputConfig"]["Outputs"]
    assert output == {
        "OutputName": "result",
        "S3Output": {
            "S3Uri": "s3://b/reports/e/s/2026/03/01/11",
            "LocalPath": "/opt/ml/processing/out",
            "S3UploadMode": "Continuous",
        },
    }


def test_scripts_are_inputs_and_named_in_the_environment() -> None:
    given = {"RecordPreprocessorSourceUri": "s3://b/pre.py", "PostAnalyticsProcessorSourceUri": "s3://b/x/post.py"}
    request = processing_request(data_quality(**given), execution())
    places = {item["InputName"]: item["S3Input"]["LocalPath"] for item in request["ProcessingInputs"]}
    code = "/opt/ml/processing/code"
    assert places["pre_processor_script"] == f"{code}/preprocessing"
    assert places["post_processor_script"] == f"{code}/postprocessing"
    assert request["Environment"]["record_preprocessor_script"] == f"{code}/preprocessing/pre.py"
    assert request["Environment"]["post_analytics_processor_script"] == f"{code}/postprocessing/post.py"


def test_the_rest_is_handed_on() -> None:
    request = processing_request(data_quality(ContainerEntrypoint=["python3"], ContainerArguments=["a"]), execution())
    assert request["AppSpecification"] == {
        "ImageUri": IMAGE, "ContainerEntrypoint": ["python3"], "ContainerArguments": ["a"]
    }  # fmt: skip
    assert request["StoppingCondition"] == {"MaxRuntimeInSeconds": 60}
    assert request["ProcessingResources"] == CLUSTER
    assert request["RoleArn"] == "role"
    assert "NetworkConfig" not in request
