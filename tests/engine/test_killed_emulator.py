"""The emulator dies by SIGKILL in the middle of jobs: after the next start they are Failed, nothing of them lives."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cloud import BUCKET, Cloud, eventually

pytestmark = pytest.mark.provenance("assumed", source="harness's own behaviour")


MARK = "the-mark-of-this-test"
SLEEP = ["/bin/sh", "-c", f"sleep 50 & echo ready {MARK}; wait"]
STUBBORN = ["/bin/sh", "-c", "trap '' TERM; echo ready; while :; do sleep 1; done"]


class Process:
    def __init__(self, state: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "harness.emulator", "--state", str(state), "--port", "0"],
            stdout=subprocess.PIPE,
            text=True,
            cwd=state.parent,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        )
        assert self._process.stdout
        address = self._process.stdout.readline().strip()
        assert address, "the emulator did not start"
        self.cloud = Cloud(address, state)

    def end(self, number: int) -> None:
        self.cloud.close()
        self._process.send_signal(number)
        self._process.wait(30)
        assert self._process.stdout
        self._process.stdout.close()


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / ".harness"
    for pid in descendants_of_jobs(tmp_path):
        os.kill(pid, signal.SIGKILL)


def descendants_of_jobs(folder: Path) -> list[int]:
    """Processes that have the state folder among their arguments, variables, open files or mounts; not this one."""
    needle = os.fsencode(folder)
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        if int(process.name) == os.getpid():
            continue
        try:
            texts = [(process / part).read_bytes() for part in ("cmdline", "environ", "mountinfo")]
        except OSError:
            continue
        if any(needle in text for text in texts):
            found.append(int(process.name))
    return found


def test_jobs_in_flight_are_settled_and_their_programs_are_gone(state: Path) -> None:
    first = Process(state)
    cloud = first.cloud
    cloud.s3.create_bucket(Bucket=BUCKET)
    cloud.put("kept", "an object")
    done = cloud.process(entrypoint=["echo", "done"])["ProcessingJobName"]
    csv = "\n".join(f"{n % 2},{n}" for n in range(2000))
    channel = {"train": cloud.put("train/train.csv", csv)}
    processing = cloud.start_processing(entrypoint=SLEEP)
    training = cloud.start_training(algorithm={"ContainerEntrypoint": SLEEP})
    parameters = {"num_round": "1000000", "objective": "binary:logistic", "eval_metric": "auc"}
    builtin = cloud.start_training(channel, HyperParameters=parameters)
    cloud.says(processing, f"ready {MARK}")
    cloud.says(training, f"ready {MARK}", "TrainingJobs")
    cloud.says_like(builtin, r"\[10\]", "TrainingJobs")
    assert descendants_of_jobs(state)
    first.end(signal.SIGKILL)

    second = Process(state)
    cloud = second.cloud
    try:
        found = cloud.processed(processing)
        assert found["ProcessingJobStatus"] == "Failed"
        assert found["FailureReason"].startswith(
            "InternalServerError: The emulator was stopped while the job was running"
        )
        assert "ProcessingEndTime" in found
        for name in (training, builtin):
            job = cloud.trained(name)
            assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Failed", "Failed")
            assert job["FailureReason"].startswith("InternalServerError: The emulator was stopped")
            assert job["SecondaryStatusTransitions"][-1]["EndTime"] == job["TrainingEndTime"]
        component = cloud.sagemaker.describe_trial_component(TrialComponentName=f"{training}-aws-training-job")
        assert component["Status"]["PrimaryStatus"] == "Failed"
        own = cloud.sagemaker.describe_processing_job(ProcessingJobName=done)
        assert own["ProcessingJobStatus"] == "Completed"
        assert cloud.get("kept") == b"an object"
        assert cloud.log(processing) == [f"ready {MARK}", f"[harness] {found['FailureReason']}"]
        streams = cloud.logs.describe_log_streams(logGroupName="/aws/sagemaker/ProcessingJobs")["logStreams"]
        assert len([stream for stream in streams if stream["logStreamName"].startswith(f"{processing}/")]) == 1
        assert cloud.log(done) == ["done"]
        eventually(lambda: len(descendants_of_jobs(state)) <= 1)  # the second emulator itself
        assert not list((state / "jobs").glob("*/*"))
        assert cloud.process(entrypoint=["true"], name="after")["ProcessingJobStatus"] == "Completed"
        assert (
            cloud.train(channel, HyperParameters={"num_round": "1"}, name="after")["TrainingJobStatus"] == "Completed"
        )
    finally:
        second.end(signal.SIGTERM)
    eventually(lambda: not descendants_of_jobs(state))


def test_the_end_of_the_emulator_is_polite_to_jobs_but_not_patient(state: Path) -> None:
    first = Process(state)
    first.cloud.s3.create_bucket(Bucket=BUCKET)
    name = first.cloud.start_processing(entrypoint=STUBBORN)
    first.cloud.says(name, "ready")
    first.end(signal.SIGTERM)  # waits 30 s at most; a stop grants 120 s
    second = Process(state)
    try:
        assert second.cloud.processed(name)["ProcessingJobStatus"] == "Stopped"
    finally:
        second.end(signal.SIGTERM)
