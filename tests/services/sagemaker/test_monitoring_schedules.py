"""Schedules and job definitions as records: what is described, listed and refused. What runs is in tests/engine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from harness.emulator import Emulator
from harness.engine.lifecycle import move
from harness.kernel.records import Key
from tests.services.conftest import client
from tests.services.sagemaker import test_endpoints as endpoints
from tests.services.sagemaker.test_endpoint_configs import CAPTURE, VARIANT
from tests.services.sagemaker.test_models import create as create_model

pytestmark = pytest.mark.provenance(
    "documented", source="API reference: CreateMonitoringSchedule, CreateDataQualityJobDefinition and their siblings"
)


ANALYZER = "156813124566.dkr.ecr.us-east-1.amazonaws.com/sagemaker-model-monitor-analyzer"
CLUSTER = {"ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}}
SOURCE: dict[str, str] = {"EndpointName": "e", "LocalPath": "/opt/ml/processing/input"}
INPUT = {"EndpointInput": SOURCE}
OUTPUT = {"MonitoringOutputs": [{"S3Output": {"S3Uri": "s3://b/r", "LocalPath": "/opt/ml/processing/out"}}]}
ROLE = "arn:aws:iam::123456789012:role/Role"
HOURLY = {"ScheduleExpression": "cron(0 * ? * * *)"}

records_emulator = endpoints.records_emulator


class Told(endpoints.Told):
    def __init__(self) -> None:
        super().__init__()
        self.woken = 0

    def wake_schedules(self) -> None:
        self.woken += 1


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def sagemaker(records_emulator: Emulator) -> Iterator[Any]:
    """With endpoint ``e``, which captures, and endpoint ``silent``, which does not."""
    found = client(records_emulator, "sagemaker")
    create_model(found)
    for name, more in (("e", {"DataCaptureConfig": CAPTURE}), ("silent", {})):
        found.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[VARIANT], **more)
        found.create_endpoint(EndpointName=name, EndpointConfigName=name)
        key = Key("endpoint", "123456789012", "us-east-1", name)
        records_emulator.records.change(key, lambda record: move(record, "InService"))
    yield found
    found.close()


def reading(**more: str) -> dict[str, Any]:
    return {"DataQualityJobInput": {"EndpointInput": {**SOURCE, **more}}}


def define(sagemaker: Any, name: str = "d", **more: Any) -> Any:
    request = {
        "DataQualityAppSpecification": {"ImageUri": ANALYZER},
        "DataQualityJobInput": INPUT,
        "DataQualityJobOutputConfig": OUTPUT,
        "JobResources": CLUSTER,
        "RoleArn": ROLE,
        **more,
    }
    return sagemaker.create_data_quality_job_definition(JobDefinitionName=name, **request)


def schedule(sagemaker: Any, name: str = "s", **more: Any) -> Any:
    config = {"MonitoringJobDefinitionName": "d", "MonitoringType": "DataQuality", "ScheduleConfig": HOURLY, **more}
    return sagemaker.create_monitoring_schedule(
        MonitoringScheduleName=name,
        MonitoringScheduleConfig={member: value for member, value in config.items() if value is not None},
    )


def test_a_definition_is_described_listed_and_deleted(sagemaker: Any) -> None:
    arn = define(sagemaker)["JobDefinitionArn"]
    assert arn == "arn:aws:sagemaker:us-east-1:123456789012:data-quality-job-definition/d"
    found = sagemaker.describe_data_quality_job_definition(JobDefinitionName="d")
    assert (found["JobDefinitionArn"], found["DataQualityJobInput"], found["RoleArn"]) == (arn, INPUT, ROLE)
    [listed] = sagemaker.list_data_quality_job_definitions(EndpointName="e")["JobDefinitionSummaries"]
    assert (listed["MonitoringJobDefinitionName"], listed["EndpointName"]) == ("d", "e")
    assert sagemaker.list_data_quality_job_definitions(EndpointName="f")["JobDefinitionSummaries"] == []
    with pytest.raises(sagemaker.exceptions.ResourceInUse):
        define(sagemaker)
    sagemaker.delete_data_quality_job_definition(JobDefinitionName="d")
    for call in (sagemaker.describe_data_quality_job_definition, sagemaker.delete_data_quality_job_definition):
        with pytest.raises(sagemaker.exceptions.ResourceNotFound):
            call(JobDefinitionName="d")


@pytest.mark.provenance("assumed", source="harness's own behaviour")
@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"DataQualityAppSpecification": {"ImageUri": "nobody/knows"}}, "is not in the catalogue"),
        (reading(EndpointName="none"), "Could not find endpoint"),
        (reading(EndpointName="silent"), "captures no data"),
        (reading(LocalPath="/opt/ml/model"), "must lie below /opt/ml/processing"),
        (reading(InferenceAttribute="0"), "InferenceAttribute: not supported"),
        (reading(S3InputMode="Pipe"), "Pipe is not supported"),
        (reading(StartTimeOffset="-P1W"), "EndpointInput.StartTimeOffset: '-P1W' is not an offset"),
        (reading(EndTimeOffset="P"), "EndpointInput.EndTimeOffset: 'P' is not an offset"),
        ({"JobResources": {"ClusterConfig": {**CLUSTER["ClusterConfig"], "InstanceCount": 2}}}, "InstanceCount 2"),
        ({"DataQualityBaselineConfig": {"BaseliningJobName": "none"}}, "Could not find requested job with name: none"),
    ],
)  # fmt: skip
def test_what_cannot_be_monitored_is_refused(sagemaker: Any, more: dict[str, Any], words: str) -> None:
    with pytest.raises(ClientError, match=words):
        define(sagemaker, **more)
    assert sagemaker.list_data_quality_job_definitions()["JobDefinitionSummaries"] == []


def test_a_schedule_is_described_and_listed(sagemaker: Any, told: Told) -> None:
    define(sagemaker)
    arn = schedule(sagemaker)["MonitoringScheduleArn"]
    assert arn == "arn:aws:sagemaker:us-east-1:123456789012:monitoring-schedule/s"
    assert told.woken == 1
    found = sagemaker.describe_monitoring_schedule(MonitoringScheduleName="s")
    assert (found["MonitoringScheduleArn"], found["MonitoringScheduleStatus"]) == (arn, "Scheduled")
    assert found["LastModifiedTime"] == found["CreationTime"]
    assert found["MonitoringScheduleConfig"]["ScheduleConfig"] == HOURLY
    assert (found["MonitoringType"], found["EndpointName"]) == ("DataQuality", "e")
    [listed] = sagemaker.list_monitoring_schedules(EndpointName="e")["MonitoringScheduleSummaries"]
    assert (listed["MonitoringScheduleName"], listed["MonitoringType"]) == ("s", "DataQuality")
    assert listed["MonitoringJobDefinitionName"] == "d"
    for filters in ({"EndpointName": "f"}, {"MonitoringTypeEquals": "ModelBias"}, {"StatusEquals": "Stopped"}):
        assert sagemaker.list_monitoring_schedules(**filters)["MonitoringScheduleSummaries"] == []


def test_a_schedule_stops_starts_changes_and_goes(sagemaker: Any, told: Told) -> None:
    define(sagemaker)
    schedule(sagemaker)

    def status() -> str:
        return str(sagemaker.describe_monitoring_schedule(MonitoringScheduleName="s")["MonitoringScheduleStatus"])

    for _ in range(2):  # both calls may be repeated
        sagemaker.stop_monitoring_schedule(MonitoringScheduleName="s")
        assert status() == "Stopped"
    for _ in range(2):
        sagemaker.start_monitoring_schedule(MonitoringScheduleName="s")
        assert status() == "Scheduled"
    daily = {"ScheduleExpression": "cron(0 5 ? * * *)"}
    config = {"MonitoringJobDefinitionName": "d", "MonitoringType": "DataQuality", "ScheduleConfig": daily}
    sagemaker.update_monitoring_schedule(MonitoringScheduleName="s", MonitoringScheduleConfig=config)
    found = sagemaker.describe_monitoring_schedule(MonitoringScheduleName="s")
    assert found["MonitoringScheduleConfig"] == config
    assert found["LastModifiedTime"] >= found["CreationTime"]
    sagemaker.delete_monitoring_schedule(MonitoringScheduleName="s")
    for name in ("describe", "stop", "start", "delete"):
        with pytest.raises(sagemaker.exceptions.ResourceNotFound):
            getattr(sagemaker, f"{name}_monitoring_schedule")(MonitoringScheduleName="s")


@pytest.mark.provenance("assumed", source="harness's own behaviour")
@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"MonitoringType": "ModelQuality"}, "MonitoringType ModelQuality is not supported by harness"),
        ({"MonitoringJobDefinitionName": None}, "Specify either MonitoringJobDefinition or"),
        ({"MonitoringJobDefinitionName": "none"}, "Could not find job definition"),
        ({"ScheduleConfig": {"ScheduleExpression": "rate(1 hour)"}}, "is not supported: use cron"),
        ({"ScheduleConfig": {"ScheduleExpression": "NOW"}}, "NOW needs DataAnalysisStartTime"),
        ({"ScheduleConfig": {**HOURLY, "DataAnalysisStartTime": "-PT30H"}}, "up to 24 hours before"),
        ({"ScheduleConfig": {**HOURLY, "DataAnalysisEndTime": "-PT1H"}}, "up to 24 hours before"),
        ({"MonitoringJobDefinitionName": "slow"}, "MaxRuntimeInSeconds 7200 is longer than the 3600 seconds"),
    ],
)
def test_what_cannot_be_scheduled_is_refused(sagemaker: Any, more: dict[str, Any], words: str) -> None:
    define(sagemaker)
    define(sagemaker, "slow", StoppingCondition={"MaxRuntimeInSeconds": 7200})
    with pytest.raises(ClientError, match=words):
        schedule(sagemaker, **more)
    assert sagemaker.list_monitoring_schedules()["MonitoringScheduleSummaries"] == []


def test_a_name_is_taken_once(sagemaker: Any) -> None:
    define(sagemaker)
    schedule(sagemaker)
    with pytest.raises(sagemaker.exceptions.ResourceInUse):
        schedule(sagemaker)


def test_a_schedule_without_timing_is_daily(sagemaker: Any, records_emulator: Emulator) -> None:
    define(sagemaker)
    schedule(sagemaker, ScheduleConfig=None)
    record = records_emulator.records.find(Key("monitoring-schedule", "123456789012", "us-east-1", "s"))
    assert record is not None
    assert record.inner["next"] % 86400 == 0
