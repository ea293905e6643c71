"""Monitoring schedules through boto3, on the emulator's clock: real captures, the real analyzer, real reports."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.cloud import BUCKET, ROLE, Cloud, eventually
from tests.hosting import Hosting

pytestmark = pytest.mark.provenance("documented", source="Developer guide: Schedule monitoring jobs")


ANALYZER = "156813124566.dkr.ecr.us-east-1.amazonaws.com/sagemaker-model-monitor-analyzer"
HOUR = 3600
HOURLY = "cron(0 * ? * * *)"
CLUSTER = {"ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}}
OUT = "/opt/ml/processing/output"


@dataclass(frozen=True)
class Monitored:
    hosting: Hosting
    cloud: Cloud
    endpoint: str
    baseline: str
    """The name of the baselining job."""

    def send(self, *rows: str) -> None:
        for row in rows:
            self.hosting.invoke(self.endpoint, row)

    def to_the_hour(self) -> list[dict[str, Any]]:
        return self.hosting.advance(HOUR - self.hosting.now() % HOUR)

    def inline(self, **application: Any) -> dict[str, Any]:
        source = {"EndpointName": self.endpoint, "LocalPath": "/opt/ml/processing/input/endpoint"}
        output = {"S3Uri": f"s3://{BUCKET}/{self.endpoint}/reports", "LocalPath": OUT}
        return {
            "MonitoringAppSpecification": {"ImageUri": ANALYZER, **application},
            "MonitoringInputs": [{"EndpointInput": source}],
            "MonitoringOutputConfig": {"MonitoringOutputs": [{"S3Output": output}]},
            "MonitoringResources": CLUSTER,
            "BaselineConfig": {"BaseliningJobName": self.baseline},
            "RoleArn": ROLE,
        }

    def definition(self) -> str:
        name = self.cloud.name("definition")
        inline = self.inline()
        self.cloud.sagemaker.create_data_quality_job_definition(
            JobDefinitionName=name,
            DataQualityAppSpecification=inline["MonitoringAppSpecification"],
            DataQualityBaselineConfig={
                "ConstraintsResource": {"S3Uri": f"s3://{BUCKET}/{self.endpoint}/baseline/constraints.json"},
                "StatisticsResource": {"S3Uri": f"s3://{BUCKET}/{self.endpoint}/baseline/statistics.json"},
            },
            DataQualityJobInput=inline["MonitoringInputs"][0],
            DataQualityJobOutputConfig=inline["MonitoringOutputConfig"],
            JobResources=CLUSTER,
            RoleArn=ROLE,
        )
        return name

    def executions(self, schedule: str, **more: Any) -> list[dict[str, Any]]:
        found = self.cloud.sagemaker.list_monitoring_executions(MonitoringScheduleName=schedule, **more)
        return found["MonitoringExecutionSummaries"]  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def monitored(hosting: Hosting, cloud: Cloud) -> Iterator[Monitored]:
    """An endpoint that answers a row with its number of cells, and a baseline of what it was sent."""
    name = cloud.name("monitored")
    capture = {
        "EnableCapture": True,
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": f"s3://{BUCKET}/{name}/captured",
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"]},
    }
    endpoint = hosting.serve(hosting.variant(hosting.model(ANSWER="sizes")), DataCaptureConfig=capture)
    rows = "".join(f"3,{number % 10},{number % 4},{number % 7}\n" for number in range(400))
    cloud.put(f"{endpoint}/known/table.csv", "size,a,b,c\n" + rows)
    inside = "/opt/ml/processing/input/baseline_dataset_input"
    request = cloud.processing_request(
        name=cloud.name("baselining"),
        inputs={inside: f"s3://{BUCKET}/{endpoint}/known"},
        outputs={OUT: f"s3://{BUCKET}/{endpoint}/baseline"},
        Environment={
            "dataset_format": json.dumps({"csv": {"header": True, "output_columns_position": "START"}}),
            "dataset_source": inside,
            "output_path": OUT,
            "publish_cloudwatch_metrics": "Disabled",
        },
    )
    request["AppSpecification"] = {"ImageUri": ANALYZER}
    cloud.sagemaker.create_processing_job(**request)
    job = cloud.processed(request["ProcessingJobName"])
    assert job["ProcessingJobStatus"] == "Completed", job
    yield Monitored(hosting, cloud, endpoint, job["ProcessingJobName"])
    hosting.remove(endpoint)


@pytest.fixture
def schedule(cloud: Cloud) -> Iterator[Callable[..., str]]:
    """Makes schedules that go with the test."""
    made: list[str] = []

    def create(config: dict[str, Any], expression: str | None = HOURLY, **timing: str) -> str:
        name = cloud.name("schedule")
        if expression:
            config = {**config, "ScheduleConfig": {"ScheduleExpression": expression, **timing}}
        answer = cloud.sagemaker.create_monitoring_schedule(
            MonitoringScheduleName=name, MonitoringScheduleConfig=config
        )
        assert answer["MonitoringScheduleArn"].endswith(f":monitoring-schedule/{name}")
        made.append(name)
        return name

    yield create
    for name in made:
        try:
            cloud.sagemaker.delete_monitoring_schedule(MonitoringScheduleName=name)
        except cloud.sagemaker.exceptions.ResourceNotFound:
            continue


CLEAN = [f"{number % 10},{number % 4},{number % 7}" for number in range(60)]


def test_hour_after_hour(monitored: Monitored, schedule: Callable[..., str], cloud: Cloud) -> None:
    monitored.to_the_hour()
    name = schedule({"MonitoringJobDefinitionName": monitored.definition(), "MonitoringType": "DataQuality"})
    described = cloud.sagemaker.describe_monitoring_schedule(MonitoringScheduleName=name)
    assert described["MonitoringScheduleStatus"] == "Scheduled"
    assert (described["MonitoringType"], described["EndpointName"]) == ("DataQuality", monitored.endpoint)
    assert "LastMonitoringExecutionSummary" not in described

    [silent] = monitored.hosting.advance(HOUR)
    assert (silent["MonitoringExecutionStatus"], silent["FailureReason"]) == ("Failed", "Job inputs had no data")
    assert "ProcessingJobArn" not in silent

    monitored.send(*CLEAN)
    [clean] = monitored.hosting.advance(HOUR)
    assert clean["MonitoringExecutionStatus"] == "Completed", clean

    monitored.send(*CLEAN, *["1.5,,3"] * 4)
    ran = monitored.hosting.advance(2 * HOUR)
    assert [item["MonitoringExecutionStatus"] for item in ran] == ["CompletedWithViolations", "Failed"]
    violated = ran[0]

    listed = monitored.executions(name, SortBy="ScheduledTime", SortOrder="Ascending")
    assert [item["MonitoringExecutionStatus"] for item in listed] == [
        "Failed", "Completed", "CompletedWithViolations", "Failed"
    ]  # fmt: skip
    moments = [item["ScheduledTime"].timestamp() for item in listed]
    assert [moment - moments[0] for moment in moments] == [0, HOUR, 2 * HOUR, 3 * HOUR]
    assert moments[0] % HOUR == 0
    assert monitored.executions(name) == listed[::-1]
    assert monitored.executions(name, StatusEquals="Completed") == [listed[1]]
    assert all(item["MonitoringScheduleName"] == name for item in listed)
    assert all(item["EndpointName"] == monitored.endpoint for item in listed)
    assert all(item["MonitoringType"] == "DataQuality" for item in listed)
    latest = cloud.sagemaker.describe_monitoring_schedule(MonitoringScheduleName=name)["LastMonitoringExecutionSummary"]
    assert latest == listed[-1]
    check_report(monitored, name, violated, listed[2]["ScheduledTime"])
    check_metrics(monitored, name)


def check_report(monitored: Monitored, name: str, violated: dict[str, Any], scheduled: Any) -> None:
    cloud = monitored.cloud
    job = cloud.sagemaker.describe_processing_job(ProcessingJobName=violated["ProcessingJobArn"].rpartition("/")[2])
    assert job["MonitoringScheduleArn"].endswith(f":monitoring-schedule/{name}")
    assert job["ProcessingJobName"].startswith(f"model-monitoring-{scheduled:%Y%m%d%H%M}-")
    assert job["ExitMessage"].startswith("CompletedWithViolations: Job completed successfully with")
    [output] = job["ProcessingOutputConfig"]["Outputs"]
    place = f"{monitored.endpoint}/reports/{monitored.endpoint}/{name}/{scheduled:%Y/%m/%d/%H}"
    assert output["S3Output"]["S3Uri"] == f"s3://{BUCKET}/{place}"
    assert cloud.keys(place + "/") == ["constraint_violations.json", "constraints.json", "statistics.json"]
    found = cloud.json(place + "/constraint_violations.json")["violations"]
    kinds = {(item["feature_name"], item["constraint_check_type"]) for item in found}
    assert {("a", "data_type_check"), ("b", "completeness_check")} <= kinds
    assert cloud.json(place + "/statistics.json")["dataset"]["item_count"] == 64


def check_metrics(monitored: Monitored, name: str) -> None:
    listed = monitored.cloud.cloudwatch.list_metrics(
        Namespace="aws/sagemaker/Endpoints/data-metrics",
        Dimensions=[{"Name": "MonitoringSchedule", "Value": name}],
    )["Metrics"]
    names = {item["MetricName"] for item in listed}
    assert {"feature_data_a", "feature_non_null_b", "feature_baseline_drift_c"} <= names
    assert all({"Name": "Endpoint", "Value": monitored.endpoint} in item["Dimensions"] for item in listed)


def test_now_runs_once_over_the_window_asked_for(
    monitored: Monitored, schedule: Callable[..., str], cloud: Cloud
) -> None:
    monitored.send(*CLEAN)
    name = schedule(
        {"MonitoringJobDefinition": monitored.inline(), "MonitoringType": "DataQuality"},
        "NOW",
        DataAnalysisStartTime="-PT1H",
        DataAnalysisEndTime="-PT0H",
    )

    def done() -> dict[str, Any] | None:
        found = monitored.executions(name)
        return found[0] if found and found[0]["MonitoringExecutionStatus"] not in ("Pending", "InProgress") else None

    found = eventually(done)
    assert found["MonitoringExecutionStatus"] in ("Completed", "CompletedWithViolations"), found
    job = cloud.sagemaker.describe_processing_job(ProcessingJobName=found["ProcessingJobArn"].rpartition("/")[2])
    inputs = {item["InputName"]: item["S3Input"]["S3Uri"] for item in job["ProcessingInputs"]}
    assert inputs["constraints"] == f"s3://{BUCKET}/{monitored.endpoint}/baseline/constraints.json"
    monitored.to_the_hour()
    assert len(monitored.executions(name)) == 1
    eventually(lambda: status(cloud, name) == "Stopped")


def status(cloud: Cloud, name: str) -> str:
    return str(cloud.sagemaker.describe_monitoring_schedule(MonitoringScheduleName=name)["MonitoringScheduleStatus"])


@pytest.mark.provenance("documented", source="Developer guide: Preprocessing and Postprocessing")
def test_a_preprocessing_script_makes_the_records(
    monitored: Monitored, schedule: Callable[..., str], cloud: Cloud
) -> None:
    script = """
def preprocess_handler(record):
    cells = record.endpoint_input.data.rstrip("\\n").split(",")
    return {"size": int(record.endpoint_output.data), "a": cells[0], "b": cells[1], "c": cells[2], "extra": 1}
"""
    uri = cloud.put(f"{monitored.endpoint}/code/pre.py", script)
    monitored.to_the_hour()
    name = schedule({"MonitoringJobDefinition": monitored.inline(RecordPreprocessorSourceUri=uri)})
    monitored.send(*CLEAN)
    [ran] = monitored.to_the_hour()
    assert ran["MonitoringExecutionStatus"] == "CompletedWithViolations", ran
    job = cloud.sagemaker.describe_processing_job(ProcessingJobName=ran["ProcessingJobArn"].rpartition("/")[2])
    place = job["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"]
    found = cloud.json(f"{place}/constraint_violations.json")["violations"]
    assert [item["constraint_check_type"] for item in found] == ["extra_column_check"]
    assert monitored.executions(name)[0]["ProcessingJobArn"] == job["ProcessingJobArn"]


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_a_container_that_fails_fails_its_execution(
    monitored: Monitored, schedule: Callable[..., str], cloud: Cloud
) -> None:
    uri = cloud.put(f"{monitored.endpoint}/code/bad.py", "raise RuntimeError('no good')\n")
    monitored.to_the_hour()
    schedule({"MonitoringJobDefinition": monitored.inline(RecordPreprocessorSourceUri=uri)})
    monitored.send(*CLEAN[:3])
    [ran] = monitored.to_the_hour()
    assert ran["MonitoringExecutionStatus"] == "Failed"
    assert ran["FailureReason"].startswith("AlgorithmError")
    assert "no good" in ran["FailureReason"]


def test_a_stopped_schedule_rests(monitored: Monitored, schedule: Callable[..., str], cloud: Cloud) -> None:
    monitored.to_the_hour()
    name = schedule({"MonitoringJobDefinition": monitored.inline()})
    cloud.sagemaker.stop_monitoring_schedule(MonitoringScheduleName=name)
    assert status(cloud, name) == "Stopped"
    assert monitored.hosting.advance(2 * HOUR) == []
    cloud.sagemaker.start_monitoring_schedule(MonitoringScheduleName=name)
    assert status(cloud, name) == "Scheduled"
    assert len(monitored.hosting.advance(2 * HOUR)) == 2
    timing = {"ScheduleExpression": "cron(0 0/3 ? * * *)"}
    cloud.sagemaker.update_monitoring_schedule(
        MonitoringScheduleName=name,
        MonitoringScheduleConfig={"MonitoringJobDefinition": monitored.inline(), "ScheduleConfig": timing},
    )
    assert len(monitored.hosting.advance(6 * HOUR)) == 2
    assert len(monitored.executions(name)) == 4
    cloud.sagemaker.delete_monitoring_schedule(MonitoringScheduleName=name)
    with pytest.raises(cloud.sagemaker.exceptions.ResourceNotFound):
        status(cloud, name)
    assert monitored.executions(name) == []
    assert monitored.hosting.advance(6 * HOUR) == []


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_schedules_run_in_the_order_they_fall_due(monitored: Monitored, schedule: Callable[..., str]) -> None:
    monitored.to_the_hour()
    hourly = schedule({"MonitoringJobDefinition": monitored.inline()})
    every_two = schedule({"MonitoringJobDefinition": monitored.inline()}, "cron(0 0/2 ? * * *)")
    ran = monitored.hosting.advance(4 * HOUR)
    moments = [item["ScheduledTime"] for item in ran]
    assert moments == sorted(moments)
    assert [item["MonitoringScheduleName"] for item in ran].count(hourly) == 4
    assert [item["MonitoringScheduleName"] for item in ran].count(every_two) == 2


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_a_deleted_schedule_ends_with_its_execution(
    monitored: Monitored, schedule: Callable[..., str], cloud: Cloud
) -> None:
    script = """
import time
def preprocess_handler(record):
    time.sleep(0.05)
    return {"size": 3, "a": 1, "b": 1, "c": 1}
"""
    uri = cloud.put(f"{monitored.endpoint}/code/slow.py", script)
    monitored.to_the_hour()
    name = schedule({"MonitoringJobDefinition": monitored.inline(RecordPreprocessorSourceUri=uri)})
    monitored.send(*CLEAN[:40])
    ran: list[dict[str, Any]] = []
    advancing = threading.Thread(target=lambda: ran.extend(monitored.to_the_hour()))
    advancing.start()
    running = eventually(lambda: monitored.executions(name, StatusEquals="InProgress"))
    job = running[0]["ProcessingJobArn"].rpartition("/")[2]
    assert cloud.sagemaker.describe_processing_job(ProcessingJobName=job)["MonitoringScheduleArn"]
    cloud.sagemaker.delete_monitoring_schedule(MonitoringScheduleName=name)
    advancing.join()
    assert len(ran) == 1
    assert monitored.executions(name) == []


@pytest.mark.parametrize(
    ("timing", "told"),
    [
        ({"ScheduleExpression": "cron(5 * ? * * *)"}, "is not supported"),
        ({"ScheduleExpression": "NOW"}, "needs DataAnalysisStartTime"),
        (
            {"ScheduleExpression": "NOW", "DataAnalysisStartTime": "-P2D", "DataAnalysisEndTime": "-PT0H"},
            "up to 24 hours before",
        ),
    ],
)
def test_bad_timing_is_refused(monitored: Monitored, cloud: Cloud, timing: dict[str, str], told: str) -> None:
    config = {"MonitoringJobDefinition": monitored.inline(), "ScheduleConfig": timing}
    with pytest.raises(ClientError, match=told):
        cloud.sagemaker.create_monitoring_schedule(MonitoringScheduleName="no", MonitoringScheduleConfig=config)
