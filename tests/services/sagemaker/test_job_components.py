"""A real job with an ExperimentConfig, and the row it makes in the table of its experiment."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from tests.conftest import RunningEmulator

pytestmark = pytest.mark.provenance("documented", source="API reference: ExperimentConfig, DescribeTrialComponent")


JOB = {
    "TrainingJobName": "Fit-1",
    "RoleArn": "arn:aws:iam::123456789012:role/SageMakerRole",
    "AlgorithmSpecification": {
        "TrainingImage": "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.0-5",
        "TrainingInputMode": "File",
    },
    "HyperParameters": {"num_round": "4", "objective": "reg:squarederror", "eval_metric": "rmse", "eta": "0.5"},
    "InputDataConfig": [
        {
            "ChannelName": "train",
            "ContentType": "text/csv",
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://bucket/train/"}},
        }
    ],
    "OutputDataConfig": {"S3OutputPath": "s3://bucket/out"},
    "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10},
    "StoppingCondition": {"MaxRuntimeInSeconds": 60},
}


@pytest.fixture
def sagemaker(emulator: RunningEmulator) -> Any:
    s3, found = emulator.client("s3"), emulator.client("sagemaker")
    s3.create_bucket(Bucket="bucket")
    rows = "\n".join(f"{number % 7},{number % 7 + 1},{number % 3}" for number in range(100))
    s3.put_object(Bucket="bucket", Key="train/a.csv", Body=rows.encode())
    found.create_experiment(ExperimentName="exp")
    found.create_trial(TrialName="trial", ExperimentName="exp")
    found.create_trial_component(TrialComponentName="exp-run")
    return found


def settled(sagemaker: Any, name: str, seconds: float = 50.0) -> Any:
    """The component once its job has ended."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = sagemaker.describe_trial_component(TrialComponentName=name)
        if found["Status"]["PrimaryStatus"] != "InProgress":
            return found
        threading.Event().wait(0.05)
    raise AssertionError(f"{name} is not settled after {seconds} s: {found}")


def test_a_training_job_makes_a_row_of_its_trial(sagemaker: Any) -> None:
    config = {"ExperimentName": "exp", "TrialName": "trial", "RunName": "exp-run", "TrialComponentDisplayName": "fit"}
    arn = sagemaker.create_training_job(**JOB, ExperimentConfig=config)["TrainingJobArn"]
    found = settled(sagemaker, "Fit-1-aws-training-job")
    job = sagemaker.describe_training_job(TrainingJobName="Fit-1")
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert job["ExperimentConfig"] == config
    assert found["Status"]["PrimaryStatus"] == "Completed"
    assert found["Source"] == {"SourceArn": arn, "SourceType": "SageMakerTrainingJob"}
    assert found["DisplayName"] == "fit"
    assert found["Parameters"]["eta"] == {"NumberValue": 0.5}
    assert found["OutputArtifacts"]["SageMaker.ModelArtifact"] == {"Value": job["ModelArtifacts"]["S3ModelArtifacts"]}
    assert found["StartTime"] == job["TrainingStartTime"]
    (metric,) = found["Metrics"]
    (final,) = job["FinalMetricDataList"]
    assert (metric["MetricName"], metric["Count"]) == ("train:rmse", 4)
    assert metric["Min"] == metric["Last"] == pytest.approx(final["Value"])
    assert metric["Min"] < metric["Avg"] < metric["Max"]

    by_arn = sagemaker.list_trial_components(SourceArn=arn)["TrialComponentSummaries"]
    assert [item["TrialComponentName"] for item in by_arn] == ["Fit-1-aws-training-job"]
    of_trial = {"Filters": [{"Name": "Parents.TrialName", "Operator": "Equals", "Value": "trial"}]}
    (row,) = sagemaker.search(Resource="ExperimentTrialComponent", SearchExpression=of_trial)["Results"]
    assert row["TrialComponent"]["SourceDetail"]["TrainingJob"]["TrainingJobStatus"] == "Completed"
    assert row["TrialComponent"]["RunName"] == "exp-run"
    run = sagemaker.describe_trial_component(TrialComponentName="exp-run")
    assert run["Sources"] == [{"SourceArn": arn, "SourceType": "SageMakerTrainingJob"}]


def test_a_job_that_fails_settles_its_component_too(sagemaker: Any) -> None:
    parameters = {**JOB["HyperParameters"], "objective": "no:such"}  # type: ignore[dict-item]
    sagemaker.create_training_job(**{**JOB, "HyperParameters": parameters}, ExperimentConfig={"ExperimentName": "exp"})
    found = settled(sagemaker, "fit-1-aws-training-job")
    reason = sagemaker.describe_training_job(TrainingJobName="Fit-1")["FailureReason"]
    assert found["Status"]["PrimaryStatus"] == "Failed"
    assert reason[:100] in found["Status"]["Message"]
    (trial,) = sagemaker.list_trials(TrialComponentName="fit-1-aws-training-job")["TrialSummaries"]
    assert sagemaker.describe_trial(TrialName=trial["TrialName"])["ExperimentName"] == "exp"


def test_a_job_of_an_experiment_that_does_not_exist_is_refused(sagemaker: Any) -> None:
    with pytest.raises(sagemaker.exceptions.ResourceNotFound, match="experiment/no' does not exist"):
        sagemaker.create_training_job(**JOB, ExperimentConfig={"ExperimentName": "no"})
    assert sagemaker.list_training_jobs()["TrainingJobSummaries"] == []
    assert len(sagemaker.list_trial_components()["TrialComponentSummaries"]) == 1
