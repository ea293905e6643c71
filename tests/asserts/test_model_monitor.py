"""Expectations on Model Monitor, on a schedule whose hour really passes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from harness.asserts import ExpectationFailed, Expectations
from tests.cloud import BUCKET, ROLE, Cloud, eventually
from tests.hosting import Hosting

ANALYZER = "156813124566.dkr.ecr.us-east-1.amazonaws.com/sagemaker-model-monitor-analyzer"
CLUSTER = {"ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}}
INSIDE, OUT = "/opt/ml/processing/input/baseline_dataset_input", "/opt/ml/processing/output"
CLEAN = [f"{number % 10},{number % 4}" for number in range(60)]


@dataclass(frozen=True)
class Schedule:
    name: str
    endpoint: str
    baseline: str


@pytest.fixture(scope="module")
def schedule(hosting: Hosting, cloud: Cloud) -> Iterator[Schedule]:
    """On an endpoint that answers a row with its number of cells, against a baseline of such rows."""
    capture = {
        "EnableCapture": True,
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": f"s3://{BUCKET}/watched/captured",
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"]},
    }
    endpoint = hosting.serve(hosting.variant(hosting.model(ANSWER="sizes")), DataCaptureConfig=capture)
    cloud.put("watched/known/table.csv", "size,a,b\n" + "".join(f"2,{row}\n" for row in CLEAN * 5))
    baseline = f"s3://{BUCKET}/watched/baseline"
    request = cloud.processing_request(
        inputs={INSIDE: f"s3://{BUCKET}/watched/known"},
        outputs={OUT: baseline},
        Environment={
            "dataset_format": json.dumps({"csv": {"header": True, "output_columns_position": "START"}}),
            "dataset_source": INSIDE,
            "output_path": OUT,
            "publish_cloudwatch_metrics": "Disabled",
        },
    )
    request["AppSpecification"] = {"ImageUri": ANALYZER}
    cloud.sagemaker.create_processing_job(**request)
    assert cloud.processed(request["ProcessingJobName"])["ProcessingJobStatus"] == "Completed"
    name = cloud.name("schedule")
    cloud.sagemaker.create_monitoring_schedule(
        MonitoringScheduleName=name, MonitoringScheduleConfig=config(endpoint, request["ProcessingJobName"])
    )
    yield Schedule(name, endpoint, baseline)
    cloud.sagemaker.delete_monitoring_schedule(MonitoringScheduleName=name)
    hosting.remove(endpoint)


def config(endpoint: str, baseline: str) -> dict[str, Any]:
    source = {"EndpointName": endpoint, "LocalPath": "/opt/ml/processing/input/endpoint"}
    output = {"S3Uri": f"s3://{BUCKET}/watched/reports", "LocalPath": OUT}
    return {
        "ScheduleConfig": {"ScheduleExpression": "cron(0 * ? * * *)"},
        "MonitoringJobDefinition": {
            "MonitoringAppSpecification": {"ImageUri": ANALYZER},
            "MonitoringInputs": [{"EndpointInput": source}],
            "MonitoringOutputConfig": {"MonitoringOutputs": [{"S3Output": output}]},
            "MonitoringResources": CLUSTER,
            "BaselineConfig": {"BaseliningJobName": baseline},
            "RoleArn": ROLE,
        },
    }


def test_the_baseline_suggests_constraints(schedule: Schedule, expects: Expectations) -> None:
    constraints = f"{schedule.baseline}/constraints.json"
    found = expects.constraint(constraints, "a", inferred_type="Integral", completeness=1.0, is_non_negative=True)
    assert found["name"] == "a"
    with pytest.raises(ExpectationFailed, match=r"inferred_type: expected 'String', found 'Integral'"):
        expects.constraint(constraints, "a", inferred_type="String")
    with pytest.raises(ExpectationFailed, match=r"there is a feature c\nthere are size, a, b"):
        expects.constraint(constraints, "c", completeness=1.0)
    with pytest.raises(ExpectationFailed, match=r"constraints.jsn is there[\s\S]*constraints.json"):
        expects.constraint(f"{schedule.baseline}/constraints.jsn", "a")


def test_and_statistics(schedule: Schedule, expects: Expectations) -> None:
    statistics = f"{schedule.baseline}/statistics.json"
    assert expects.statistic(statistics, "a", "mean", 4, 5) == pytest.approx(4.5)
    assert expects.statistic(statistics, "a", "num_present", low=300) == 300
    with pytest.raises(ExpectationFailed, match=r"max of a is at most 8\nfound 9.0\nall of a: {"):
        expects.statistic(statistics, "a", "max", high=8)
    with pytest.raises(ExpectationFailed, match=r"has a statistic median\nit has .*mean"):
        expects.statistic(statistics, "a", "median")


def test_an_execution_violates_exactly_these(
    schedule: Schedule, hosting: Hosting, cloud: Cloud, expects: Expectations
) -> None:
    with pytest.raises(ExpectationFailed, match=r"is Completed\nfound no execution; 0 of 1 executions"):
        expects.executed(schedule.name, seconds=0.1)
    hosting.advance(3600 - hosting.now() % 3600)
    for row in [f"{number % 10}.5,{number % 4}" for number in range(20)]:
        hosting.invoke(schedule.endpoint, row)
    eventually(lambda: len(cloud.keys("watched/captured")) > 0)
    hosting.advance(3600)
    done = expects.executed(schedule.name, "CompletedWithViolations")
    assert done.summary["MonitoringExecutionStatus"] == "CompletedWithViolations"
    assert expects.statistic(done.statistics, "a", "mean", 4.9, 5.1) == pytest.approx(5.0)
    expected = {("a", "data_type_check")}
    expects.violations(done.violations, expected, "only the type of a")
    expects.violations(f"{done.output}/constraint_violations.json", expected, "in the file, too")
    with pytest.raises(ExpectationFailed, match=r"found CompletedWithViolations[\s\S]*list_monitoring_executions"):
        expects.executed(schedule.name, "Completed")
    with pytest.raises(ExpectationFailed, match=r"of 9 executions"):
        expects.executed(schedule.name, "CompletedWithViolations", executions=9, seconds=0.1)
