"""A job that fills the disk of the state folder ends as Failed with that reason, and the emulator goes on."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from tests.cloud import BUCKET, Cloud, running_cloud

pytestmark = pytest.mark.provenance("assumed", source="harness's own behaviour")


FILL = """
import os
with open("{file}", "wb") as file:
    while True:
        file.write(bytes(1 << 20))
        file.flush()
"""


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Cloud]:
    """An emulator whose state folder is a disk of its own."""
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", disk], check=True)
    try:
        with running_cloud(disk / ".harness") as cloud:
            yield cloud
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)


@pytest.mark.needs("root")
def test_a_program_that_fills_the_disk(small: Cloud) -> None:
    out = "/opt/ml/processing/output"
    job = small.process(FILL.format(file=f"{out}/big"), outputs={out: f"s3://{BUCKET}/out"})
    assert job["ProcessingJobStatus"] == "Failed"
    assert job["FailureReason"] == (
        f"ClientError: No space left on device: the disk of the state folder is full (job {job['ProcessingJobName']})"
    )
    assert f"[harness] {job['FailureReason']}" in small.log(job["ProcessingJobName"])
    training = small.train(script=FILL.format(file="/opt/ml/model/big"))
    assert training["TrainingJobStatus"] == "Failed"
    assert "No space left on device" in training["FailureReason"]
    assert training["SecondaryStatusTransitions"][-1]["Status"] == "Failed"
    assert_intact(small)


@pytest.mark.needs("root")
def test_inputs_larger_than_the_disk(small: Cloud) -> None:
    source = small.put("big", bytes(25 << 20))
    job = small.process("pass", inputs={"/opt/ml/processing/input/data": source})
    assert job["ProcessingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("ClientError: No space left on device")
    small.s3.delete_object(Bucket=BUCKET, Key="big")
    assert_intact(small)


def assert_intact(cloud: Cloud) -> None:
    assert cloud.get(cloud.put("after", "fine")) == b"fine"
    job = cloud.process("print('works')")
    assert (job["ProcessingJobStatus"], cloud.log(job["ProcessingJobName"])) == ("Completed", ["works"])
    assert not list((cloud.state / "jobs").glob("*/*"))


@pytest.mark.needs("root")
def test_a_program_that_fills_a_folder_nobody_takes_anything_from(small: Cloud) -> None:
    job = small.process(FILL.format(file="/opt/ml/processing/scratch"))
    assert job["ProcessingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("ClientError: No space left on device")
    assert_intact(small)


@pytest.mark.needs("root")
def test_a_log_larger_than_the_disk_leaves_room_for_all_else(small: Cloud) -> None:
    job = small.process("import sys\nfor _ in range(60_000): sys.stdout.write('x' * 1023 + chr(10))\nprint('end')")
    assert job["ProcessingJobStatus"] == "Completed"
    [kept] = (small.state / "logs").rglob("*.log")
    *_, said, counted = kept.read_text().splitlines()
    assert said.endswith(
        "[harness] The disk of the state folder is almost full: further lines are counted and not stored"
    )
    assert counted.endswith("further lines were counted and not stored")
    small.sagemaker.create_experiment(ExperimentName="there-is-room")


@pytest.mark.needs("root")
def test_a_full_disk_costs_lines_of_the_emulators_log_and_no_answer(small: Cloud) -> None:
    filler = small.state / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(4096)):
            pass
    refused: list[str] = []
    for number in range(500):
        try:
            small.sagemaker.create_experiment(ExperimentName=f"full-{number}")
        except ClientError as error:
            refused.append(str(error))
    assert refused
    assert all("The disk of the state folder is full; free space there" in text for text in refused)
    assert len(small.sagemaker.list_experiments(MaxResults=100)["ExperimentSummaries"]) <= 500 - len(refused)
    filler.unlink()
    assert_intact(small)
    assert '"lost_lines"' in (small.state / "emulator.log").read_text()
