"""An hour on AWS: the analyzer at once as a processing job, or AWS's own schedule. An emulator plays the account."""

from __future__ import annotations

import json
import threading
import time
import uuid
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from harness.aws_run import monitoring
from harness.aws_run.monitoring import CannotRunAtOnce, MonitoringOnAws
from harness.clients.emulator_process import RunningEmulator
from harness.contract.monitoring_executions import list_executions
from tests.promotion.conftest import ACCOUNT, IMAGE, REGION, account_emulator, account_process, client  # noqa: F401

ANALYZER = "156813124566.dkr.ecr.us-east-1.amazonaws.com/sagemaker-model-monitor-analyzer"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/Role"
FEATURE = {"name": "_c0", "inferred_type": "Integral", "completeness": 1.0}
CONSTRAINTS = {
    "version": 0.0,
    "features": [FEATURE, {**FEATURE, "name": "_c1"}],
    "monitoring_config": {
        "evaluate_constraints": "Enabled",
        "emit_metrics": "Disabled",
        "datatype_check_threshold": 1.0,
    },
}
STATISTICS = {"version": 0.0, "dataset": {"item_count": 0}, "features": []}


class World:
    """An endpoint that captures to a bucket, and an hourly schedule over it."""

    def __init__(self, emulator: RunningEmulator) -> None:
        self.address, self.emulator = emulator.address, emulator
        self.bucket, self.name = f"b-{uuid.uuid4().hex[:12]}", f"e-{uuid.uuid4().hex[:12]}"
        self.sagemaker, self.s3 = self.client("sagemaker"), self.client("s3")
        self.s3.create_bucket(Bucket=self.bucket)
        container = {"Image": IMAGE, "ModelDataUrl": f"s3://{self.bucket}/model.tar.gz"}
        self.put("model.tar.gz", b"")
        self.sagemaker.create_model(ModelName=self.name, PrimaryContainer=container, ExecutionRoleArn=ROLE)
        self.sagemaker.create_endpoint_config(
            EndpointConfigName=self.name,
            ProductionVariants=[
                {"VariantName": "v", "ModelName": self.name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
            ],
            DataCaptureConfig={
                "EnableCapture": True,
                "InitialSamplingPercentage": 100,
                "DestinationS3Uri": f"s3://{self.bucket}/capture",
                "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
            },
        )
        self.sagemaker.create_endpoint(EndpointName=self.name, EndpointConfigName=self.name)
        self.put("baseline/constraints.json", json.dumps(CONSTRAINTS).encode())
        self.put("baseline/statistics.json", json.dumps(STATISTICS).encode())
        self.schedule()

    def client(self, service: str) -> Any:
        return client(self.address, service)

    def put(self, key: str, body: bytes) -> None:
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)

    def schedule(self) -> None:
        place = {"S3Uri": f"s3://{self.bucket}/reports", "LocalPath": "/opt/ml/processing/output"}
        source = {"EndpointName": self.name, "LocalPath": "/opt/ml/processing/input/endpoint"}
        cluster = {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 10}
        self.sagemaker.create_data_quality_job_definition(
            JobDefinitionName=self.name,
            DataQualityAppSpecification={"ImageUri": ANALYZER},
            DataQualityBaselineConfig={
                "ConstraintsResource": {"S3Uri": f"s3://{self.bucket}/baseline/constraints.json"},
                "StatisticsResource": {"S3Uri": f"s3://{self.bucket}/baseline/statistics.json"},
            },
            DataQualityJobInput={"EndpointInput": source},
            DataQualityJobOutputConfig={"MonitoringOutputs": [{"S3Output": place}]},
            JobResources={"ClusterConfig": cluster},
            RoleArn=ROLE,
        )
        self.sagemaker.create_monitoring_schedule(
            MonitoringScheduleName=self.name,
            MonitoringScheduleConfig={
                "ScheduleConfig": {"ScheduleExpression": "cron(0 * ? * * *)"},
                "MonitoringJobDefinitionName": self.name,
                "MonitoringType": "DataQuality",
            },
        )

    def captured(self, *rows: str) -> None:
        """As an endpoint would have put it there."""
        now = datetime.now(timezone.utc)
        csv = {"observedContentType": "text/csv", "encoding": "CSV"}
        lines = [
            json.dumps(
                {
                    "captureData": {
                        "endpointInput": {**csv, "mode": "INPUT", "data": row},
                        "endpointOutput": {**csv, "mode": "OUTPUT", "data": "1"},
                    },
                    "eventMetadata": {"eventId": str(uuid.uuid4()), "inferenceTime": f"{now:%Y-%m-%dT%H:%M:%SZ}"},
                    "eventVersion": "0",
                }
            )
            for row in rows
        ]
        key = f"capture/{self.name}/v/{now:%Y/%m/%d/%H}/{now:%M-%S-%f}-{uuid.uuid4()}.jsonl"
        self.put(key, "\n".join(lines).encode())

    def reports(self, summary: dict[str, Any]) -> dict[str, Any]:
        name = summary["ProcessingJobArn"].rpartition("/")[2]
        job = self.sagemaker.describe_processing_job(ProcessingJobName=name)
        prefix = job["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"].partition(f"{self.bucket}/")[2]
        found = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=f"{prefix}/")["Contents"]
        return {
            Path(each["Key"]).name: json.load(self.s3.get_object(Bucket=self.bucket, Key=each["Key"])["Body"])
            for each in found
        }


@pytest.fixture
def world(account_emulator: RunningEmulator) -> World:  # noqa: F811
    return World(account_emulator)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(monitoring, "LOOK_SECONDS", 0.2)


def test_each_hour_is_one_job_over_what_was_captured_since(world: World) -> None:
    passing = MonitoringOnAws(world.client, at_once=True)
    passing.add_schedule(world.name)
    world.captured("1", "2", "3")
    passing.pass_time(3600)
    world.captured("4", "many")
    passing.pass_time(3600)
    passing.pass_time(3600)
    answer: dict[str, Any] = {"MonitoringExecutionSummaries": [], "NextToken": "more"}
    passing.complete_answer("ListMonitoringExecutions", {"MonitoringScheduleName": world.name}, answer)
    third, second, first = answer["MonitoringExecutionSummaries"]
    assert "NextToken" not in answer
    assert (third["MonitoringExecutionStatus"], third["FailureReason"]) == ("Failed", "Job inputs had no data")
    assert [first["MonitoringExecutionStatus"], second["MonitoringExecutionStatus"]] == [
        "Completed",
        "CompletedWithViolations",
    ], (first, second)
    assert (first["EndpointName"], first["MonitoringJobDefinitionName"]) == (world.name, world.name)
    assert world.reports(first)["statistics.json"]["dataset"]["item_count"] == 3
    found = world.reports(second)
    assert found["statistics.json"]["dataset"]["item_count"] == 2
    (violation,) = found["constraint_violations.json"]["violations"]
    assert (violation["feature_name"], violation["constraint_check_type"]) == ("_c1", "data_type_check")
    described: dict[str, Any] = {}
    passing.complete_answer("DescribeMonitoringSchedule", {"MonitoringScheduleName": world.name}, described)
    assert described["LastMonitoringExecutionSummary"] == third
    # The account itself knows of no execution: the schedule was not due.
    assert (
        world.sagemaker.list_monitoring_executions(MonitoringScheduleName=world.name)["MonitoringExecutionSummaries"]
        == []
    )


def test_aws_s_own_schedule_is_waited_for(world: World) -> None:
    world.captured("1")
    passing = MonitoringOnAws(world.client, at_once=False)
    passing.add_schedule(world.name)

    def an_hour_later() -> None:
        time.sleep(1)
        world.emulator.ask("/_harness/clock", "POST", timeout=60, seconds=3600)

    clock = threading.Thread(target=an_hour_later)
    clock.start()
    passing.pass_time(0.1)
    (found,) = world.sagemaker.list_monitoring_executions(MonitoringScheduleName=world.name)[
        "MonitoringExecutionSummaries"
    ]
    clock.join()
    assert found["MonitoringExecutionStatus"] in ("Completed", "CompletedWithViolations", "Failed")


def test_without_a_schedule_time_just_passes(world: World) -> None:
    passing = MonitoringOnAws(world.client, at_once=True)
    passing.add_schedule(world.name)
    world.sagemaker.stop_monitoring_schedule(MonitoringScheduleName=world.name)
    begun = time.monotonic()
    passing.pass_time(0.3)
    assert time.monotonic() - begun >= 0.3
    world.sagemaker.delete_monitoring_schedule(MonitoringScheduleName=world.name)
    passing.pass_time(0.1)
    answer: dict[str, Any] = {"MonitoringExecutionSummaries": ["theirs"]}
    passing.complete_answer("ListMonitoringExecutions", {"MonitoringScheduleName": world.name}, answer)
    assert answer == {"MonitoringExecutionSummaries": ["theirs"]}


def test_what_only_aws_runs_is_refused_with_the_way_out(world: World) -> None:
    passing = MonitoringOnAws(world.client, at_once=True)
    with pytest.raises(CannotRunAtOnce, match=r'is of type ModelBias.* monitoring = "schedule"'):
        passing._definition("s", {"MonitoringType": "ModelBias"})


def test_lists_are_filtered_and_sorted_as_the_api_does() -> None:
    moments = [datetime(2026, 1, 1, hour, tzinfo=timezone.utc) for hour in (1, 2, 3)]
    runs = [
        {"ScheduledTime": at, "CreationTime": at, "LastModifiedTime": at, "MonitoringExecutionStatus": status}
        for at, status in zip(moments, ("Completed", "Failed", "Completed"), strict=True)
    ]
    assert list_executions(runs, {}) == runs[::-1]
    assert list_executions(runs, {"SortOrder": "Ascending", "SortBy": "ScheduledTime", "MaxResults": 2}) == runs[:2]
    assert list_executions(runs, {"StatusEquals": "Failed"}) == [runs[1]]
    assert list_executions(runs, {"ScheduledTimeAfter": moments[0], "CreationTimeBefore": moments[2]}) == [runs[1]]
    assert list_executions(runs, {"SortBy": "Status", "SortOrder": "Ascending"})[-1] == runs[1]
