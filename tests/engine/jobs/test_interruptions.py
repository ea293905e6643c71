"""Instances taken away from training jobs: on spot they train again from their checkpoints, else they fail."""

from __future__ import annotations

from typing import Any

import pytest

from harness.scenario.faults import Faults
from tests.admin import emulator_access
from tests.cloud import BUCKET, Cloud, eventually

pytestmark = pytest.mark.provenance(
    "documented", source="Developer guide: Use Managed Spot Training in Amazon SageMaker"
)


COUNTING = """
import pathlib, sys, time

folder = pathlib.Path("/opt/ml/checkpoints")
at = folder / "at"
begin = int(at.read_text()) if at.exists() else 0
print("begins at", begin, flush=True)
for step in range(begin, 40):
    time.sleep(0.1)
    fresh = folder / ".at"
    fresh.write_text(str(step + 1))
    fresh.replace(at)
pathlib.Path("/opt/ml/model/model.txt").write_text("learned")
"""
ONCE, AGAIN = ["Starting", "Downloading", "Training", "Interrupted"], ["Starting", "Downloading", "Training"]


@pytest.fixture
def faults(cloud: Cloud) -> Any:
    made = Faults(emulator_access(cloud), "123456789012", "us-east-1")
    yield made
    made.clear()


def spot(cloud: Cloud, name: str, **stopping: int) -> dict[str, Any]:
    return {
        "name": name,
        "EnableManagedSpotTraining": True,
        "CheckpointConfig": {"S3Uri": f"s3://{BUCKET}/{name}/checkpoints"},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 120, **stopping},
    }


def statuses(job: dict[str, Any]) -> list[str]:
    return [item["Status"] for item in job["SecondaryStatusTransitions"]]


def begins(cloud: Cloud, name: str) -> list[int]:
    return [int(line.split()[-1]) for line in cloud.log(name, "TrainingJobs") if line.startswith("begins at")]


def test_spot_training_goes_on_from_its_checkpoints(cloud: Cloud, faults: Faults) -> None:
    name = cloud.name("spot")
    cloud.start_training(script=COUNTING, **spot(cloud, name))
    eventually(lambda: "Contents" in cloud.s3.list_objects_v2(Bucket=BUCKET, Prefix=f"{name}/checkpoints/"))
    faults.interrupt(name)
    job = cloud.trained(name)
    assert job["TrainingJobStatus"] == "Completed"
    assert statuses(job) == [*ONCE, *AGAIN, "Uploading", "Completed"]
    messages = {item["Status"]: item["StatusMessage"] for item in job["SecondaryStatusTransitions"]}
    assert "managed spot training instances were interrupted" in messages["Interrupted"]
    first, second = begins(cloud, name)
    assert first == 0 < second
    assert 0 < job["BillableTimeInSeconds"] <= job["TrainingTimeInSeconds"]
    assert job["TrainingStartTime"] <= job["SecondaryStatusTransitions"][1]["StartTime"]
    assert faults.list() == []


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_the_next_job_that_trains_is_meant_when_none_is_named(cloud: Cloud, faults: Faults) -> None:
    """Every time it trains, as often as asked; a job on demand ends with it."""
    faults.interrupt(after=0.3, times=2)
    name = cloud.name("spot")
    job = cloud.train(script="import time; time.sleep(1)", **spot(cloud, name))
    assert statuses(job) == [*ONCE, *ONCE, *AGAIN, "Uploading", "Completed"]
    faults.interrupt()
    job = cloud.train(script="import time; time.sleep(60)")
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("InternalServerError: We encountered an internal error.")
    assert statuses(job) == ["Starting", "Downloading", "Training", "Failed"]
    assert cloud.train(script="pass")["TrainingJobStatus"] == "Completed"


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_an_interruption_after_the_end_stays_for_the_next(cloud: Cloud, faults: Faults) -> None:
    faults.interrupt("a-job-that-never-is")
    faults.interrupt(after=30.0)
    assert cloud.train(script="pass")["TrainingJobStatus"] == "Completed"
    assert [fault["job"] for fault in faults.list()] == ["a-job-that-never-is"]


def test_waiting_for_spot_instances_has_a_limit(cloud: Cloud, faults: Faults) -> None:
    name = cloud.name("spot")
    faults.interrupt(name, after=2.5)
    request = spot(cloud, name, MaxRuntimeInSeconds=2, MaxWaitTimeInSeconds=2)
    job = cloud.train(script="import time; time.sleep(60)", **request)
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxWaitTimeExceeded")


def test_the_run_time_of_all_attempts_counts(cloud: Cloud, faults: Faults) -> None:
    name = cloud.name("spot")
    faults.interrupt(name, after=1.5)
    job = cloud.train(script="import time; time.sleep(60)", **spot(cloud, name, MaxRuntimeInSeconds=3))
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")
    assert statuses(job)[:7] == [*ONCE, *AGAIN]
    assert job["TrainingTimeInSeconds"] <= 6


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_a_job_that_is_stopped_while_its_instance_goes_stays_stopped(cloud: Cloud, faults: Faults) -> None:
    name = cloud.name("spot")
    faults.interrupt(name, after=0.5, times=1000)
    cloud.start_training(script="import time; print('begins at', 0, flush=True); time.sleep(60)", **spot(cloud, name))
    eventually(lambda: len(begins(cloud, name)) > 1)
    cloud.sagemaker.stop_training_job(TrainingJobName=name)
    assert cloud.trained(name)["TrainingJobStatus"] == "Stopped"


@pytest.mark.provenance("assumed", source="harness's own behaviour")
@pytest.mark.parametrize(
    ("spot_", "stopping", "told"),
    [
        (True, {"MaxRuntimeInSeconds": 60}, "It must be present and be greater"),
        (True, {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 59}, "It must be present and be greater"),
        (True, {"MaxWaitTimeInSeconds": 600}, "It must be present and be greater"),
        (False, {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 60}, "It is only supported when EnableManagedSpot"),
    ],
)
def test_how_long_to_wait_is_said_for_spot_and_only_there(
    cloud: Cloud, spot_: bool, stopping: dict[str, int], told: str
) -> None:
    request = cloud.training_request(script="pass", EnableManagedSpotTraining=spot_, StoppingCondition=stopping)
    with pytest.raises(cloud.sagemaker.exceptions.ClientError, match=f"Invalid MaxWaitTimeInSeconds. {told}"):
        cloud.sagemaker.create_training_job(**request)


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_a_killed_model_server_is_missed_and_replaced(hosting: Any, cloud: Cloud, faults: Faults) -> None:
    endpoint = hosting.serve(hosting.variant(hosting.model(), count=2))
    with pytest.raises(ValueError, match="no model server of variant 'Other'"):
        faults.kill_server(endpoint, "Other")
    assert faults.kill_server(endpoint, "AllTraffic") == 2
    eventually(lambda: sum("ended with code 137; starting another" in line for line in _log(cloud, endpoint)) == 2)
    eventually(lambda: _answers(hosting, endpoint))
    hosting.remove(endpoint)


def _log(cloud: Cloud, endpoint: str) -> list[str]:
    events = cloud.logs.filter_log_events(logGroupName=f"/aws/sagemaker/Endpoints/{endpoint}")["events"]
    return [event["message"] for event in events]


def _answers(hosting: Any, endpoint: str) -> bool:
    try:
        hosting.invoke(endpoint)
    except hosting.runtime.exceptions.ModelError:
        return False
    return True
