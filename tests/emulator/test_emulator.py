"""The parts together, as users get them: state that stays, state that goes, services side by side at one address."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from harness.emulator import Emulator
from harness.kernel.errors import StateError
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
