"""A training job whose program returns at once, Create to Completed as a client sees it."""

from __future__ import annotations

import statistics
import time
import uuid
from typing import Any

from tests.benchmarks.machine import ROLE, XGBOOST, emulator, wait
from tests.benchmarks.table import Figure

TIMES = 21


def measure() -> list[Figure]:
    with emulator() as machine:
        machine.client("s3").create_bucket(Bucket="bench")
        client = machine.client("sagemaker")
        cold = _one(client)
        warm = [_one(client) for _ in range(TIMES)]
    return [
        Figure("no-op training job, first (cold)", cold, "s", 1.5),
        Figure("no-op training job, warm median", statistics.median(warm), "s", 0.2, note=f"at most {max(warm):.3f} s"),
    ]


def _one(client: Any) -> float:
    name = f"noop-{uuid.uuid4().hex[:8]}"
    begin = time.perf_counter()
    client.create_training_job(
        TrainingJobName=name,
        AlgorithmSpecification={
            "TrainingImage": XGBOOST,
            "TrainingInputMode": "File",
            "ContainerEntrypoint": ["python3", "-c", "pass"],
        },
        RoleArn=ROLE,
        OutputDataConfig={"S3OutputPath": "s3://bench/out"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": 60},
    )
    answer = wait(lambda: client.describe_training_job(TrainingJobName=name), "TrainingJobStatus", ("InProgress",))
    if answer["TrainingJobStatus"] != "Completed":
        raise RuntimeError(answer.get("FailureReason"))
    return time.perf_counter() - begin
