"""A job that fills the disk of the state folder ends as Failed with that reason, and the emulator goes on."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cloud import BUCKET, Cloud, running_cloud

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
        "ClientError: No space left on device: the disk of the state folder is full (job processing-1)"
    )
    assert f"[harness] {job['FailureReason']}" in small.log("processing-1")
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
