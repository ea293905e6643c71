"""Jobs whose data lies in LocalStack, seen from both sides: the emulator's address, and LocalStack's own."""

from __future__ import annotations

from typing import Any

import boto3
import pytest

from tests.cloud import BUCKET, Cloud, eventually

pytestmark = pytest.mark.needs("localstack")
GROUP = "/aws/sagemaker/TrainingJobs"
TRAINS = """
import pathlib
print("loss=0.25; rows", len(pathlib.Path("/opt/ml/input/data/train/rows.csv").read_text().split()))
pathlib.Path("/opt/ml/model/model.bin").write_text("weights")
"""


def straight(localstack: str, service: str) -> Any:
    """A client of LocalStack itself, as a neighbouring tool has it."""
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    return boto3.client(service, endpoint_url=localstack, region_name="us-east-1", **keys)


def test_a_training_job_reads_and_writes_localstack(cloud: Cloud, localstack: str) -> None:
    s3 = straight(localstack, "s3")
    s3.put_object(Bucket=BUCKET, Key="given/rows.csv", Body=b"1\n2\n3\n")
    algorithm = {"MetricDefinitions": [{"Name": "loss", "Regex": "loss=([0-9.]+)"}]}
    job = cloud.train({"train": f"s3://{BUCKET}/given/"}, script=TRAINS, algorithm=algorithm)
    name = job["TrainingJobName"]
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert cloud.log(name, "TrainingJobs")[-1] == "loss=0.25; rows 3"
    artefact = job["ModelArtifacts"]["S3ModelArtifacts"].removeprefix(f"s3://{BUCKET}/")
    assert s3.head_object(Bucket=BUCKET, Key=artefact)["ContentLength"] > 0
    logs = straight(localstack, "logs")

    def copied() -> list[str]:
        found = logs.filter_log_events(logGroupName=GROUP, logStreamNamePrefix=f"{name}/")
        return [event["message"] for event in found["events"]]

    assert eventually(lambda: [line for line in copied() if "rows" in line]) == ["loss=0.25; rows 3"]
    assert copied() == [line for line in cloud.log(name, "TrainingJobs") if line]
    metrics = straight(localstack, "cloudwatch").list_metrics(Namespace="/aws/sagemaker/TrainingJobs")["Metrics"]
    assert {"Name": "TrainingJobName", "Value": name} in metrics[0]["Dimensions"]
