"""Schedules across a restart of the emulator: nothing hangs, and of what was missed the last execution runs."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.engine.monitoring.records import EXECUTION, SCHEDULE, make_execution
from harness.kernel.records import Key, Record
from harness.stores.sqlite import SqliteRecords
from tests.cloud import BUCKET, ROLE, Cloud, eventually, running_cloud
from tests.hosting import Hosting, catalogued_server

pytestmark = pytest.mark.provenance("assumed", source="harness's own behaviour")


ANALYZER = "156813124566.dkr.ecr.us-east-1.amazonaws.com/sagemaker-model-monitor-analyzer"


def create(cloud: Cloud, hosting: Hosting) -> None:
    capture = {
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": f"s3://{BUCKET}/captured",
        "CaptureOptions": [{"CaptureMode": "Input"}],
    }
    endpoint = hosting.serve(hosting.variant(hosting.model()), DataCaptureConfig=capture)
    inside = "/opt/ml/processing"
    cluster = {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}
    output = {"S3Uri": f"s3://{BUCKET}/reports", "LocalPath": f"{inside}/out"}
    config = {
        "MonitoringJobDefinition": {
            "MonitoringAppSpecification": {"ImageUri": ANALYZER},
            "MonitoringInputs": [{"EndpointInput": {"EndpointName": endpoint, "LocalPath": f"{inside}/in"}}],
            "MonitoringOutputConfig": {"MonitoringOutputs": [{"S3Output": output}]},
            "MonitoringResources": {"ClusterConfig": cluster},
            "RoleArn": ROLE,
        },
        "ScheduleConfig": {"ScheduleExpression": "cron(0 * ? * * *)"},
    }
    cloud.sagemaker.create_monitoring_schedule(MonitoringScheduleName="s", MonitoringScheduleConfig=config)


def executions(cloud: Cloud) -> list[dict[str, Any]]:
    found = cloud.sagemaker.list_monitoring_executions(MonitoringScheduleName="s", SortOrder="Ascending")
    return found["MonitoringExecutionSummaries"]  # type: ignore[no-any-return]


def age(state: Path) -> None:
    """As if the emulator had been killed in the middle of an execution, and been off for some hours."""
    records = SqliteRecords(state / "records.sqlite")
    with closing(records):
        [execution] = records.scan(EXECUTION)
        under_way = {**execution.status, "MonitoringExecutionStatus": "InProgress"}
        records.change(execution.key, lambda found: replace(found, status=under_way))
        records.set_setting("clock_offset", str(float(records.setting("clock_offset") or 0) + 5 * 3600))


def test_schedules_go_on_after_a_restart(tmp_path: Path) -> None:
    with catalogued_server():
        with running_cloud(tmp_path / ".harness") as cloud:
            hosting = Hosting(cloud)
            create(cloud, hosting)
            hosting.advance(3600)
            before = hosting.now()
            hosting.close()
        age(tmp_path / ".harness")
        with running_cloud(tmp_path / ".harness") as cloud:
            hosting = Hosting(cloud)
            assert hosting.now() >= before
            first, second = eventually(lambda: found if len(found := executions(cloud)) == 2 else None)
            assert first["MonitoringExecutionStatus"] == "Failed"
            assert first["FailureReason"].startswith("InternalServerError: The emulator was stopped")
            eventually(lambda: executions(cloud)[1]["MonitoringExecutionStatus"] == "Failed")
            assert executions(cloud)[1]["FailureReason"] == "Job inputs had no data"
            assert second["ScheduledTime"].timestamp() == hosting.now() // 3600 * 3600
            assert len(hosting.advance(3600)) == 1
            assert len(executions(cloud)) == 3
            hosting.close()


def test_a_schedule_of_one_execution_is_over_when_a_kill_ended_it(tmp_path: Path) -> None:
    """As a kill leaves them: the schedule has no next moment, the execution is under way."""
    state = tmp_path / ".harness"
    state.mkdir()
    key = Key(SCHEDULE, "123456789012", "us-east-1", "once")
    timing = {"ScheduleConfig": {"ScheduleExpression": "NOW"}}
    schedule = Record(
        key,
        "arn:once",
        spec={"MonitoringScheduleName": "once", "MonitoringScheduleConfig": timing},
        status={"MonitoringScheduleStatus": "Scheduled"},
        inner={"next": None, "endpoint": "e"},
        created=1.0,
    )
    with closing(SqliteRecords(state / "records.sqlite")) as records:
        records.add(schedule)
        records.add(make_execution(schedule, 2.0, 3.0))
    with running_cloud(state) as cloud:
        described = cloud.sagemaker.describe_monitoring_schedule(MonitoringScheduleName="once")
        assert described["MonitoringScheduleStatus"] == "Stopped"
        assert described["LastMonitoringExecutionSummary"]["MonitoringExecutionStatus"] == "Failed"
