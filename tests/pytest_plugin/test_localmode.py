"""The fixtures on the localmode profile: the SDK's local mode on a real engine, in the user's own test functions."""

from __future__ import annotations

from typing import Any

import pytest

from tests.localmode.test_profile import ANALYZER, URI, docker, image

__all__ = ["image"]

pytestmark = pytest.mark.needs("docker")

SUITE = f'''
import boto3
import pytest
from sagemaker.estimator import Estimator
from sagemaker.local import LocalSession


@pytest.fixture
def trained(sagemaker_session, harness_session, harness_role, harness_bucket):
    s3 = boto3.client("s3")
    s3.put_object(Bucket=harness_bucket, Key="in/rows.csv", Body=b"1,2,3\\n4,5,6\\n")

    def train(**hyperparameters):
        estimator = Estimator(
            image_uri="{URI}",
            role=harness_role,
            instance_count=1,
            instance_type=harness_session.instance_type("ml.m5.large"),
            hyperparameters=hyperparameters,
            sagemaker_session=sagemaker_session,
        )
        estimator.fit({{"train": f"s3://{{harness_bucket}}/in"}})
        return estimator

    return train


def test_trains_and_answers(trained, sagemaker_session, sagemaker_harness, harness_expectations):
    assert isinstance(sagemaker_session, LocalSession)
    estimator = trained(weights="2")
    job = estimator.latest_training_job.name
    assert boto3.client("sagemaker").describe_training_job(TrainingJobName=job)["TrainingJobStatus"] == "Completed"
    harness_expectations.archive(estimator.model_data, ["weights"])
    predictor = estimator.deploy(1, "local", endpoint_name="answers")
    assert predictor.predict("1,2").decode().strip() == "6.0"
    assert sagemaker_harness.faults.throttle("CreateTrainingJob")


def test_fails_with_evidence(trained):
    trained(fail="1")


def test_nothing_is_left(request):
    assert type(boto3.Session()).__name__ == "Session"
    assert boto3.DEFAULT_SESSION is None
'''


def test_test_functions_in_local_mode(project: Any, image: str) -> None:
    project.write("harness.toml", f'[images]\n"{URI}" = "{image}"\n"{ANALYZER}" = "{image}"\n')
    project.write("pytest.ini", "[pytest]\n")  # local mode warns of much that is not ours
    project.write("test_local.py", SUITE)
    ran = project.pytest("-q", "--profile", "localmode")
    assert ran.counts()["passed"] == 2, ran.text
    assert ran.counts()["failed"] == 1
    assert "Failed  training-job " in ran.text
    assert "no good, exit code: 3" in ran.text
    assert "harness logs" in ran.text
    state = project.root / ".harness" / "pytest" / "main"
    left = docker("ps", "--all", "--quiet", "--filter", f"label=harness.state={state}").split()
    assert left == []
