"""The parts together, as users get them: state that stays, state that goes, services side by side at one address."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest
from botocore.exceptions import ClientError

from harness.contract.schedules import next_due
from harness.emulator import Emulator
from harness.engine.monitoring.records import EXECUTION, SCHEDULE
from harness.kernel.errors import InternalFailure, StateError
from harness.kernel.records import Key, Record
from harness.settings import Settings
from tests.admin import ask_admin

ROLE = "arn:aws:iam::123456789012:role/HarnessExecutionRole"


def model(client: Any, name: str = "m") -> None:
    image = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.0-5"
    client.create_model(ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer={"Image": image})


def test_records_and_objects_are_there_after_a_restart_and_gone_after_a_reset(emulator: Any, tmp_path: Path) -> None:
    model(emulator.client("sagemaker"))
    s3 = emulator.client("s3")
    s3.create_bucket(Bucket="my-bucket")
    s3.put_object(Bucket="my-bucket", Key="a/b.csv", Body=b"1,2\n")
    emulator.emulator.close()
    with Emulator(Settings(state=tmp_path / ".harness", port=0)) as again:
        emulator.address = again.address
        described = emulator.client("sagemaker").describe_model(ModelName="m")
        assert described["ModelArn"] == "arn:aws:sagemaker:us-east-1:123456789012:model/m"
        assert described["CreationTime"].timestamp() == pytest.approx(time.time(), abs=60)
        s3 = emulator.client("s3")
        assert s3.get_object(Bucket="my-bucket", Key="a/b.csv")["Body"].read() == b"1,2\n"
        ask_admin(again.address, again.state, "reset", {})
        with pytest.raises(ClientError, match="Could not find model"):
            emulator.client("sagemaker").describe_model(ModelName="m")
        assert s3.list_buckets()["Buckets"] == []


def test_accounts_and_regions_do_not_see_each_other(emulator: Any) -> None:
    model(emulator.client("sagemaker"))
    assert emulator.client("sagemaker", account="111111111111").list_models()["Models"] == []
    assert emulator.client("sagemaker", region="eu-west-1").list_models()["Models"] == []
    assert len(emulator.client("sagemaker").list_models()["Models"]) == 1


def test_keys_that_sts_gave_out_act_in_their_account(emulator: Any) -> None:
    role = "arn:aws:iam::222222222222:role/other"
    given = emulator.client("sts").assume_role(RoleArn=role, RoleSessionName="session")["Credentials"]
    model(emulator.client("sagemaker", account=given["AccessKeyId"]))
    assert len(emulator.client("sagemaker", account="222222222222").list_models()["Models"]) == 1


def test_the_clock_moves_for_schedules_only(emulator: Any) -> None:
    ask_admin(emulator.address, emulator.state, "clock", {"seconds": 3600})
    clock = emulator.emulator.clock
    assert clock.now() - clock.real() == pytest.approx(3600, abs=5)


def hourly_schedule(emulator: Any) -> None:
    """A schedule of an endpoint that is not there: its executions end at once."""
    config = {
        "MonitoringJobDefinition": {
            "MonitoringAppSpecification": {"ImageUri": "analyzer"},
            "MonitoringInputs": [{"EndpointInput": {"EndpointName": "none", "LocalPath": "/opt/ml/processing/in"}}],
            "MonitoringOutputConfig": {
                "MonitoringOutputs": [{"S3Output": {"S3Uri": "s3://b/out", "LocalPath": "/opt/ml/processing/out"}}]
            },
            "MonitoringResources": {
                "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}
            },
            "RoleArn": ROLE,
        },
        "ScheduleConfig": {"ScheduleExpression": "cron(0 * ? * * *)"},
    }
    now = emulator.emulator.clock.now()
    emulator.emulator.records.add(
        Record(
            Key(SCHEDULE, "123456789012", "us-east-1", "s"),
            "arn:s",
            spec={"MonitoringScheduleConfig": config},
            status={"MonitoringScheduleStatus": "Scheduled"},
            inner={"next": next_due("cron(0 * ? * * *)", now), "endpoint": "none"},
            created=now,
        )
    )


def test_moves_of_the_clock_at_the_same_time_add_up_and_are_stored_before_what_they_run(emulator: Any) -> None:
    hourly_schedule(emulator)
    scheduled, behind = [], []

    def look(key: Key, record: Record | None) -> None:
        """What a kill right now would leave in the folder."""
        if key.kind != EXECUTION or record is None or record.version:
            return
        file = f"file:{emulator.state / 'records.sqlite'}?mode=ro"
        with closing(sqlite3.connect(file, uri=True)) as db:
            ((offset,),) = db.execute("select value from settings where name = 'clock_offset'")
            ((inner,),) = db.execute("select inner from records where kind = ?", (SCHEDULE,))
        moment = record.status["ScheduledTime"]
        scheduled.append(moment)
        if time.time() + float(offset) < moment or json.loads(inner)["next"] != moment + 3600:
            behind.append(moment)

    emulator.emulator.records.subscribe(look)
    start = emulator.emulator.clock.now()
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: ask_admin(emulator.address, emulator.state, "clock", {"seconds": 7200}), range(3)))
    assert emulator.emulator.clock.now() - start == pytest.approx(6 * 3600, abs=60)
    assert len(scheduled) in (6, 7)  # the hour may be full while the test runs
    assert scheduled == [scheduled[0] + 3600 * each for each in range(len(scheduled))]
    assert behind == []


def test_a_clock_that_cannot_be_stored_does_not_move(emulator: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(name: str, value: str) -> None:
        raise InternalFailure("The disk of the state folder is full")

    monkeypatch.setattr(emulator.emulator.records, "set_setting", fail)
    with pytest.raises(HTTPError) as refusal:
        ask_admin(emulator.address, emulator.state, "clock", {"seconds": 3600})
    assert "disk of the state folder is full" in refusal.value.read().decode()
    assert emulator.emulator.clock.offset == 0


@pytest.mark.parametrize("offset", ["nan", "inf", "253402300800", "soon"])
def test_a_stored_clock_that_no_schedule_works_with_refuses_the_start(tmp_path: Path, offset: str) -> None:
    with Emulator(Settings(state=tmp_path / "state", port=0)) as emulator:
        emulator.records.set_setting("clock_offset", offset)
    with pytest.raises(StateError, match=r"seconds that its clock is ahead.*`harness reset`"):
        Emulator(Settings(state=tmp_path / "state", port=0)).start()


def test_a_folder_in_use_is_refused_and_stays_whole(emulator: Any) -> None:
    with pytest.raises(StateError, match=f"in use by the emulator running as process .* at {emulator.address}"):
        Emulator(Settings(state=emulator.state, port=0)).start()
    model(emulator.client("sagemaker"))


def test_a_failed_start_gives_everything_back(emulator: Any, tmp_path: Path) -> None:
    port = int(emulator.address.rpartition(":")[2])
    with pytest.raises(StateError, match=f"port {port} on 127.0.0.1 cannot be had"):
        Emulator(Settings(state=tmp_path / "other", port=port)).start()
    emulator.emulator.close()
    with Emulator(Settings(state=tmp_path / "other", port=port)) as again:
        assert ask_admin(again.address, again.state, "health")["status"] == "ok"


def test_a_folder_that_was_removed_stores_nothing_more_and_is_not_taken_by_another(
    emulator: Any, tmp_path: Path
) -> None:
    s3 = emulator.client("s3")
    s3.create_bucket(Bucket="the-bucket")
    moved = emulator.state.rename(tmp_path / "moved")
    with pytest.raises(ClientError, match="was removed or replaced while the emulator ran"):
        s3.put_object(Bucket="the-bucket", Key="k", Body=b"x")
    with pytest.raises(StateError, match=f"process {os.getpid()} still answers for a folder that was removed"):
        Emulator(Settings(state=emulator.state, port=0)).start()
    (emulator.state / "lock").unlink()
    (emulator.state / ".gitignore").unlink(missing_ok=True)
    emulator.state.rmdir()
    moved.rename(emulator.state)
    s3.put_object(Bucket="the-bucket", Key="k", Body=b"x")
