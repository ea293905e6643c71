"""Batch transform of 1,000,000 rows from a staged file against xgboost predicting the same file in one process."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pandas as pd

from tests.benchmarks.machine import Machine, emulator, wait
from tests.benchmarks.models import booster, register, table
from tests.benchmarks.table import Figure, seconds

ROWS = 1_000_000

_BARE = """
import sys, time
import pandas, xgboost
begin = time.perf_counter()
model = xgboost.Booster(model_file=sys.argv[1])
answers = model.predict(xgboost.DMatrix(pandas.read_csv(sys.argv[2], header=None)))
pandas.Series(answers.astype(float)).to_csv(sys.argv[3], index=False, header=False)
print(time.perf_counter() - begin)
"""


def measure() -> list[Figure]:
    model = booster()
    with tempfile.TemporaryDirectory() as name, emulator() as machine:
        folder = Path(name)
        file = folder / "rows.csv"
        pd.DataFrame(table(ROWS)).to_csv(file, index=False, header=False)
        model.save_model(folder / "model.ubj")
        register(machine, model, "bench")
        staging = seconds(lambda: machine.client("s3").upload_file(str(file), "bench", "in/rows.csv"))
        bare = _bare(folder)
        first, second = _transform(machine, "first"), _transform(machine, "second")
        told = machine.client("s3").get_object(Bucket="bench", Key="out/second/rows.csv.out")["Body"].read().split()
        offline = (folder / "answers.csv").read_text().split()
    worst = max(abs(float(one) - float(other)) for one, other in zip(told, offline, strict=True))
    return [
        Figure("transform of 1,000,000 rows, of xgboost in one process", second / bare, "x", 2.0,
               note=f"{second:.1f} s (first {first:.1f} s) against {bare:.1f} s; answers differ by {worst:.1g}"),
        Figure("staging the same file through S3", staging, "s"),
    ]  # fmt: skip


def _bare(folder: Path) -> float:
    paths = [str(folder / name) for name in ("model.ubj", "rows.csv", "answers.csv")]
    command = [sys.executable, "-c", _BARE, *paths]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def _transform(machine: Machine, name: str) -> float:
    client: Any = machine.client("sagemaker")
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://bench/in/"}}
    begin = time.perf_counter()
    client.create_transform_job(
        TransformJobName=name,
        ModelName="bench",
        TransformInput={"DataSource": source, "ContentType": "text/csv", "SplitType": "Line"},
        TransformOutput={"S3OutputPath": f"s3://bench/out/{name}", "Accept": "text/csv", "AssembleWith": "Line"},
        TransformResources={"InstanceType": "ml.m5.xlarge", "InstanceCount": 1},
    )
    answer = wait(lambda: client.describe_transform_job(TransformJobName=name), "TransformJobStatus", ("InProgress",))
    if answer["TransformJobStatus"] != "Completed":
        raise RuntimeError(answer.get("FailureReason"))
    return time.perf_counter() - begin
