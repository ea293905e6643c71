"""The built-in XGBoost on two instances against one, with the same processors, on ten times the rows of the fixture."""

from __future__ import annotations

import statistics
import time
import uuid
from typing import Any

import numpy as np
import pandas as pd

from tests.benchmarks.machine import ROLE, XGBOOST, emulator, wait
from tests.benchmarks.models import table
from tests.benchmarks.table import Figure

ROWS = 300_000
TIMES = 3
START = 1.0
"""Seconds that the second host may take to start and meet the first."""


def measure() -> list[Figure]:
    with emulator() as machine:
        storage, client = machine.client("s3"), machine.client("sagemaker")
        storage.create_bucket(Bucket="bench")
        features = table(ROWS)
        rows = np.column_stack([features.sum(axis=1) > features.sum(axis=1).mean(), features])
        for half in range(2):
            body = pd.DataFrame(rows[half::2]).to_csv(index=False, header=False)
            storage.put_object(Bucket="bench", Key=f"train/{half}.csv", Body=body.encode())
        _train(client, 1)
        taken = [(_train(client, 1), _train(client, 2)) for _ in range(TIMES)]
    one, two = (statistics.median(times) for times in zip(*taken, strict=True))
    return [
        Figure("two-instance XGBoost less 1 s, of one instance", (two - START) / one, "x", 1.3,
               note=f"{two:.1f} s against {one:.1f} s"),
    ]  # fmt: skip


def _train(client: Any, instances: int) -> float:
    name = f"train-{uuid.uuid4().hex[:8]}"
    source = {"S3DataType": "S3Prefix", "S3Uri": "s3://bench/train/", "S3DataDistributionType": "ShardedByS3Key"}
    begin = time.perf_counter()
    client.create_training_job(
        TrainingJobName=name,
        AlgorithmSpecification={"TrainingImage": XGBOOST, "TrainingInputMode": "File"},
        HyperParameters={"num_round": "50", "objective": "binary:logistic", "max_depth": "5"},
        RoleArn=ROLE,
        InputDataConfig=[
            {"ChannelName": "train", "ContentType": "text/csv", "DataSource": {"S3DataSource": source}},
        ],
        OutputDataConfig={"S3OutputPath": "s3://bench/out"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": instances, "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": 300},
    )
    answer = wait(lambda: client.describe_training_job(TrainingJobName=name), "TrainingJobStatus", ("InProgress",))
    if answer["TrainingJobStatus"] != "Completed":
        raise RuntimeError(answer.get("FailureReason"))
    return time.perf_counter() - begin
