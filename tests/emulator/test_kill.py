"""SIGKILL: what was acknowledged is kept, what was running is settled and gone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

ROOT = Path(__file__).resolve().parents[2]
ROLE = "arn:aws:iam::123456789012:role/HarnessExecutionRole"
NEVER_HELD = Config(user_agent_extra="harness-shim")
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.0-5"


class Machine:
    """A daemon that can be killed and started again on the same folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "harness.emulator", "--port", "0", "--state", str(self._folder)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        assert self._process.stdout is not None
        self._address = self._process.stdout.readline().strip()

    def client(self, service: str) -> Any:
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
        return boto3.client(service, endpoint_url=self._address, config=NEVER_HELD, **keys)

    def end(self, number: int = signal.SIGKILL) -> None:
        self._process.send_signal(number)
        self._process.communicate(timeout=60)

    def descendants(self) -> set[int]:
        parents = {}
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                parents[int(stat.parts[2])] = int(stat.read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
        found = {self._process.pid}
        while more := {pid for pid, parent in parents.items() if parent in found} - found:
            found |= more
        return found - {self._process.pid}


def until(condition: Callable[[], bool], seconds: float = 40.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture
def machine(tmp_path: Path) -> Any:
    made = Machine(tmp_path / "state")
    yield made
    made.end(signal.SIGTERM)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_an_acknowledged_write_survives(machine: Machine) -> None:
    machine.client("s3").create_bucket(Bucket="my-bucket")
    machine.client("s3").put_object(Bucket="my-bucket", Key="k", Body=b"x" * 100_000)
    container = {"Image": IMAGE}
    machine.client("sagemaker").create_model(ModelName="m", ExecutionRoleArn=ROLE, PrimaryContainer=container)
    machine.end()
    machine.start()
    assert machine.client("sagemaker").describe_model(ModelName="m")["PrimaryContainer"]["Image"] == IMAGE
    assert len(machine.client("s3").get_object(Bucket="my-bucket", Key="k")["Body"].read()) == 100_000


def test_a_training_job_in_flight_is_found_failed_and_its_processes_are_gone(machine: Machine) -> None:
    s3 = machine.client("s3")
    s3.create_bucket(Bucket="my-bucket")
    rows = "\n".join(f"{row % 2},{row % 7},{row % 11}" for row in range(5000))
    s3.put_object(Bucket="my-bucket", Key="train/rows.csv", Body=rows.encode())
    source = {"S3DataType": "S3Prefix", "S3Uri": "s3://my-bucket/train/"}
    sagemaker = machine.client("sagemaker")
    sagemaker.create_training_job(
        TrainingJobName="job",
        RoleArn=ROLE,
        AlgorithmSpecification={"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        HyperParameters={"num_round": "1000000", "objective": "binary:logistic"},
        InputDataConfig=[{"ChannelName": "train", "DataSource": {"S3DataSource": source}, "ContentType": "text/csv"}],
        OutputDataConfig={"S3OutputPath": "s3://my-bucket/out"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": 600},
    )
    until(lambda: describe(machine)["SecondaryStatus"] == "Training")
    until(lambda: len(machine.descendants()) > 1)  # the warm parent, and what it forked
    running = machine.descendants()
    machine.end()
    until(lambda: not any(alive(pid) for pid in running), 20)
    machine.start()
    job = describe(machine)
    assert job["TrainingJobStatus"] == "Failed"
    assert "emulator was stopped while the job was running" in job["FailureReason"]
    assert job["TrainingEndTime"] >= job["TrainingStartTime"]


def describe(machine: Machine) -> Any:
    """A look that is never held, however often it is repeated: that is what the shim's mark is for."""
    return machine.client("sagemaker").describe_training_job(TrainingJobName="job")
