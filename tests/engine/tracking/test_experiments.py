from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from harness.engine.tracking.component_metrics import MetricPoint, metric_points
from harness.engine.tracking.experiments import COMPONENT, TRIAL, component_key, job_component, settle_component
from harness.kernel.clock import Clock
from harness.kernel.records import Key, Record
from harness.stores.memory import MemoryRecords

pytestmark = pytest.mark.provenance(
    "documented", source="Developer guide: Manage Machine Learning with Amazon SageMaker Experiments"
)


ACCOUNT, REGION = "123456789012", "us-east-1"

TRAINING = {
    "TrainingJobName": "Fit-1",
    "AlgorithmSpecification": {"TrainingImage": "image:1", "TrainingInputMode": "File"},
    "HyperParameters": {"eta": "0.2", "objective": "binary:logistic", "sagemaker_program": '"x.py"', "big": "1e400"},
    "InputDataConfig": [
        {
            "ChannelName": "train",
            "ContentType": "text/csv",
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://b/train"}},
        },
        {
            "ChannelName": "validation",
            "ContentType": "csv",
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://b/validation"}},
        },
    ],
    "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 30},
}
PROCESSING = {
    "ProcessingJobName": "prep",
    "AppSpecification": {"ImageUri": "image:2"},
    "ProcessingResources": {"ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 20}},
    "ProcessingInputs": [{"InputName": "raw", "S3Input": {"S3Uri": "s3://b/raw", "LocalPath": "/opt/ml/in"}}],
    "ProcessingOutputConfig": {
        "Outputs": [{"OutputName": "clean", "S3Output": {"S3Uri": "s3://b/clean", "LocalPath": "/opt/ml/out"}}]
    },
}
TRANSFORM = {
    "TransformJobName": "score",
    "ModelName": "Model-1",
    "TransformInput": {
        "ContentType": "text/csv",
        "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://b/in"}},
    },
    "TransformOutput": {"S3OutputPath": "s3://b/out", "Accept": "application/json"},
    "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
}


@pytest.fixture
def records() -> MemoryRecords:
    return MemoryRecords()


def job(kind: str, spec: dict[str, Any], status: str = "InProgress", **members: Any) -> Record:
    noun = "".join(word.capitalize() for word in kind.split("-"))
    name = spec[f"{noun}Name"]
    arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:{kind}/{name.lower()}"
    return Record(
        Key(kind, ACCOUNT, REGION, name), arn, spec, status={f"{noun}Status": status, **members}, created=10.0
    )


def component(records: MemoryRecords, of: Record) -> Record:
    found = records.find(component_key(of.key))
    assert found is not None
    return found


def test_training_component_from_create_to_end(records: MemoryRecords) -> None:
    created = job(
        "training-job", {**TRAINING, "ExperimentConfig": {"TrialName": "Trial", "TrialComponentDisplayName": "fit"}}
    )
    job_component(records, Clock(), created)
    found = component(records, created)
    assert found.arn == f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:experiment-trial-component/fit-1-aws-training-job"
    assert found.spec["TrialComponentName"] == "Fit-1-aws-training-job"
    assert found.spec["DisplayName"] == "fit"
    assert found.status["Source"] == {"SourceArn": created.arn, "SourceType": "SageMakerTrainingJob"}
    assert found.inner["trials"] == ["trial"]
    assert found.spec["Parameters"] == {
        "eta": {"NumberValue": 0.2},
        "objective": {"StringValue": "binary:logistic"},
        "sagemaker_program": {"StringValue": '"x.py"'},
        "big": {"StringValue": "1e400"},
        "SageMaker.ImageUri": {"StringValue": "image:1"},
        "SageMaker.InstanceType": {"StringValue": "ml.m5.large"},
        "SageMaker.InstanceCount": {"NumberValue": 1.0},
        "SageMaker.VolumeSizeInGB": {"NumberValue": 30.0},
    }
    assert found.spec["InputArtifacts"] == {
        "train": {"MediaType": "text/csv", "Value": "s3://b/train"},
        "validation": {"Value": "s3://b/validation"},
    }
    assert found.spec["Status"] == {"PrimaryStatus": "InProgress"}

    ended = job(
        "training-job",
        TRAINING,
        "Completed",
        SecondaryStatus="Completed",
        TrainingStartTime=20.0,
        TrainingEndTime=30.0,
        ModelArtifacts={"S3ModelArtifacts": "s3://b/model.tar.gz"},
    )
    settle_component(records, ended, [MetricPoint("train:auc", 21.0, 0.5), MetricPoint("train:auc", 22.0, 0.7)])
    found = component(records, created)
    assert found.spec["Status"] == {
        "PrimaryStatus": "Completed",
        "Message": "Status: Completed, secondary status: Completed, failure reason: null",
    }
    assert (found.spec["StartTime"], found.spec["EndTime"]) == (20.0, 30.0)
    assert found.spec["OutputArtifacts"] == {"SageMaker.ModelArtifact": {"Value": "s3://b/model.tar.gz"}}
    (metric,) = found.status["Metrics"]
    assert (metric["Min"], metric["Max"], metric["Last"], metric["Count"]) == (0.5, 0.7, 0.7, 2)
    assert (metric["Avg"], metric["TimeStamp"], metric["SourceArn"]) == (pytest.approx(0.6), 22.0, created.arn)
    assert [point.value for point in metric_points(records, found)] == [0.5, 0.7]


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_settling_again_adds_nothing(records: MemoryRecords) -> None:
    ended = job("training-job", TRAINING, "Completed")
    job_component(records, Clock(), ended)
    for _ in range(2):
        settle_component(records, ended, [MetricPoint("auc", 1.0, 0.5)])
    assert component(records, ended).status["Metrics"][0]["Count"] == 1


def test_what_a_tracker_wrote_during_the_job_stays(records: MemoryRecords) -> None:
    ended = job("processing-job", PROCESSING, "Failed", FailureReason="no such file", ProcessingEndTime=9.0)
    job_component(records, Clock(), ended)
    records.change(
        component_key(ended.key),
        lambda record: replace(
            record,
            spec={
                **record.spec,
                "Parameters": {**record.spec["Parameters"], "mine": {"NumberValue": 1.0}},
                "OutputArtifacts": {"plot": {"Value": "s3://b/plot"}},
            },
        ),
    )
    settle_component(records, ended, [])
    found = component(records, ended)
    assert found.spec["Parameters"]["mine"] == {"NumberValue": 1.0}
    assert found.spec["Parameters"]["SageMaker.InstanceCount"] == {"NumberValue": 2.0}
    assert found.spec["InputArtifacts"] == {
        "SageMaker.ImageUri": {"Value": "image:2"},
        "raw": {"Value": "s3://b/raw"},
    }
    assert found.spec["OutputArtifacts"] == {"plot": {"Value": "s3://b/plot"}, "clean": {"Value": "s3://b/clean"}}
    assert found.spec["Status"] == {
        "PrimaryStatus": "Failed",
        "Message": "Status: Failed, exit message: null, failure reason: no such file",
    }


def test_transform_component_shows_its_model(records: MemoryRecords) -> None:
    key = Key("model", ACCOUNT, REGION, "Model-1")
    records.add(Record(key, "arn", {"PrimaryContainer": {"Image": "image:3", "ModelDataUrl": "s3://b/m.tar.gz"}}))
    ended = job("transform-job", TRANSFORM, "Completed")
    job_component(records, Clock(), ended)
    settle_component(records, ended, [])
    found = component(records, ended)
    assert found.spec["Parameters"]["SageMaker.ModelPrimary.Image"] == {"StringValue": "image:3"}
    assert found.spec["Parameters"]["SageMaker.ModelPrimary.DataUrl"] == {"StringValue": "s3://b/m.tar.gz"}
    assert found.spec["InputArtifacts"] == {"SageMaker.TransformInput": {"MediaType": "text/csv", "Value": "s3://b/in"}}
    assert found.spec["OutputArtifacts"] == {
        "SageMaker.TransformOutput": {"MediaType": "application/json", "Value": "s3://b/out"}
    }


@pytest.mark.provenance("assumed", source="no named source: reports of users")
def test_an_experiment_without_a_trial_gets_one(records: MemoryRecords) -> None:
    created = job("training-job", {**TRAINING, "ExperimentConfig": {"ExperimentName": "Exp"}})
    job_component(records, Clock(), created)
    (trial,) = records.scan(TRIAL)
    assert trial.spec["ExperimentName"] == "Exp"
    assert component(records, created).inner["trials"] == [trial.name]


@pytest.mark.provenance("assumed", source="no named source: reports of users")
def test_a_job_without_experiment_is_recorded_all_the_same(records: MemoryRecords) -> None:
    created = job("training-job", TRAINING)
    job_component(records, Clock(), created)
    assert component(records, created).inner["trials"] == []
    assert not list(records.scan(TRIAL))


@pytest.mark.parametrize("run", ["exp-run-1", "Run-1"])
def test_the_run_named_learns_of_its_jobs(records: MemoryRecords, run: str) -> None:
    key = Key(COMPONENT, ACCOUNT, REGION, "exp-run-1")
    records.add(Record(key, "arn", {"TrialComponentName": "exp-run-1"}))
    config = {"ExperimentName": "exp", "TrialName": "group", "RunName": run}
    created = job("training-job", {**TRAINING, "ExperimentConfig": config})
    for _ in range(2):
        job_component(records, Clock(), created)
    found = records.find(key)
    assert found is not None
    assert found.status["Sources"] == [{"SourceArn": created.arn, "SourceType": "SageMakerTrainingJob"}]
    assert component(records, created).status["RunName"] == run


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_a_component_deleted_meanwhile_is_not_brought_back(records: MemoryRecords) -> None:
    ended = job("training-job", TRAINING, "Completed")
    job_component(records, Clock(), ended)
    records.delete(component_key(ended.key))
    settle_component(records, ended, [MetricPoint("auc", 1.0, 0.5)])
    assert not list(records.scan(COMPONENT))
