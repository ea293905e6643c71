"""The queue of jobs: more jobs than places, what happens to those that wait, and to all of them at the end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cloud import BUCKET, Cloud, running_cloud

pytestmark = pytest.mark.provenance("assumed", source="harness's own behaviour")


WAIT = ["/bin/sh", "-c", "echo ready; exec sleep 50"]


@pytest.fixture
def narrow(tmp_path: Path) -> Iterator[Cloud]:
    """One job at a time."""
    with running_cloud(tmp_path / ".harness", max_parallel_jobs=1) as cloud:
        yield cloud


def test_a_job_that_never_left_the_queue_is_stopped_at_once(narrow: Cloud) -> None:
    running = narrow.start_processing(entrypoint=WAIT)
    narrow.says(running, "ready")
    training = narrow.start_training(algorithm={"ContainerEntrypoint": WAIT})
    processing = narrow.start_processing(entrypoint=WAIT)
    narrow.sagemaker.stop_training_job(TrainingJobName=training)
    narrow.sagemaker.stop_processing_job(ProcessingJobName=processing)
    stopped = narrow.trained(training)
    assert (stopped["TrainingJobStatus"], stopped["SecondaryStatus"]) == ("Stopped", "Stopped")
    assert "TrainingStartTime" not in stopped
    assert [item["Status"] for item in stopped["SecondaryStatusTransitions"]] == ["Starting", "Stopping", "Stopped"]
    assert narrow.processed(processing)["ProcessingJobStatus"] == "Stopped"
    component = narrow.sagemaker.describe_trial_component(TrialComponentName=f"{training}-aws-training-job")
    assert component["Status"]["PrimaryStatus"] == "Stopped"
    assert narrow.sagemaker.describe_processing_job(ProcessingJobName=running)["ProcessingJobStatus"] == "InProgress"
    narrow.sagemaker.stop_processing_job(ProcessingJobName=running)
    assert narrow.processed(running)["ProcessingJobStatus"] == "Stopped"


def test_the_component_is_settled_when_the_job_is(narrow: Cloud) -> None:
    """A client that saw the end of the job finds the metrics of its trial component, without waiting."""
    job = narrow.train(
        algorithm={
            "ContainerEntrypoint": ["echo", "loss=0.25"],
            "MetricDefinitions": [{"Name": "loss", "Regex": "loss=(.*)"}],
        }
    )
    component = narrow.sagemaker.describe_trial_component(
        TrialComponentName=f"{job['TrainingJobName']}-aws-training-job"
    )
    assert component["Status"]["PrimaryStatus"] == "Completed"
    assert [(item["MetricName"], item["Last"]) for item in component["Metrics"]] == [("loss", 0.25)]
    assert f"s3://{BUCKET}" in str(component["OutputArtifacts"])
