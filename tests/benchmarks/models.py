"""A small XGBoost model in a running emulator, for the benchmarks that serve it."""

from __future__ import annotations

import io
import tarfile
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import xgboost

from tests.benchmarks.machine import ROLE, XGBOOST, Machine

COLUMNS = 23


def table(rows: int, seed: int = 0) -> Any:
    """``rows`` x 23 numbers of the fixture's kind: amounts and small codes, all integers."""
    random = np.random.default_rng(seed)
    codes = random.integers(-2, 9, size=(rows, 9))
    amounts = random.integers(0, 300_000, size=(rows, COLUMNS - 9))
    return np.concatenate([codes, amounts], axis=1)


def booster() -> Any:
    features = table(20_000)
    labels = (features[:, 0] + features[:, 5] > 6).astype(int)
    data = xgboost.DMatrix(features, label=labels)
    return xgboost.train({"objective": "binary:logistic", "max_depth": 5, "eta": 0.2}, data, num_boost_round=100)


def register(machine: Machine, model: Any, name: str) -> None:
    """The model as ``model.tar.gz`` in bucket ``bench`` and as a SageMaker model."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.ubj"
        model.save_model(file)
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as tar:
            tar.add(file, "xgboost-model")
    machine.client("s3").create_bucket(Bucket="bench")
    machine.client("s3").put_object(Bucket="bench", Key="model.tar.gz", Body=packed.getvalue())
    machine.client("sagemaker").create_model(
        ModelName=name,
        PrimaryContainer={"Image": XGBOOST, "ModelDataUrl": "s3://bench/model.tar.gz"},
        ExecutionRoleArn=ROLE,
    )
