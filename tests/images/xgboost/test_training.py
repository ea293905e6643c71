"""Metric lines, models and other things a training job leaves, compared with xgboost used directly."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost

from .conftest import DEADLINE, IMAGE, Job, as_csv, table

pytestmark = pytest.mark.provenance("documented", source="source code: aws/sagemaker-xgboost-container")


PARAMETERS = {"objective": "binary:logistic", "max_depth": 3}


def offline(rounds: int, **changes: Any) -> tuple[xgboost.Booster, dict[str, Any]]:
    train, validation = (
        xgboost.DMatrix(values[:, 1:], label=values[:, 0]) for values in (table(300), table(100, seed=2))
    )
    history: dict[str, Any] = {}
    booster = xgboost.train(
        {**PARAMETERS, **changes},
        train,
        rounds,
        evals=[(train, "train"), (validation, "validation")],
        evals_result=history,
        verbose_eval=False,
    )
    return booster, history


def predictions(booster: xgboost.Booster) -> list[float]:
    return list(booster.predict(xgboost.DMatrix(table(50, seed=3)[:, 1:])).tolist())


def test_metric_lines_and_model_equal_xgboost_itself(job: Job) -> None:
    job.hyperparameters["eval_metric"] = "logloss,auc"
    assert job.train() == 0, job.failure
    booster, history = offline(4, eval_metric=["logloss", "auc"])
    assert job.metric_lines == [
        f"[{i}]" + "".join(f"\t{d}-{m}:{history[d][m][i]:.5f}" for d in history for m in history[d]) for i in range(4)
    ]
    assert list(history["train"]) == ["logloss", "auc"]
    assert predictions(xgboost.Booster(model_file=str(job.model))) == predictions(booster)


def test_default_metric_and_only_the_train_channel(job: Job) -> None:
    del job.channels["validation"]
    assert job.train() == 0, job.failure
    assert [re.sub(r"\d\.\d{5}$", "N", line) for line in job.metric_lines] == [
        f"[{i}]\ttrain-logloss:N" for i in range(4)
    ]


@pytest.mark.provenance("documented", source="source code: aws/sagemaker-python-sdk")
def test_channels_as_the_sdks_local_mode_writes_them(job: Job) -> None:
    for channel in job.channels.values():
        del channel["S3DistributionType"], channel["RecordWrapperType"]
    assert job.train() == 0, job.failure


def test_files_and_log_lines(job: Job) -> None:
    assert job.train() == 0, job.failure
    assert sorted(str(path.relative_to(job.root)) for path in job.root.rglob("*") if path.is_file()) == sorted(
        [
            "input/config/hyperparameters.json",
            "input/config/inputdataconfig.json",
            "input/config/resourceconfig.json",
            "input/data/train/train.csv",
            "input/data/validation/validation.csv",
            "model/xgboost-model",
            "output/success",
            "stderr",
            "stdout",
        ]
    )
    for text in (
        "Running XGBoost Sagemaker in algorithm mode",
        "Single node training.",
        "Validation matrix has 100 rows",
    ):
        assert re.search(r"^\[\d{4}-\d\d-\d\d:\d\d:\d\d:\d\d:INFO\] " + re.escape(text) + "$", job.stderr, re.MULTILINE)
    assert "TRAIN_JOB_DEBUG: Received is_master=True\n" in job.stdout
    assert job.model.read_bytes()[:1] == b"{"  # UBJSON


def test_tuning_metric_joins_the_others_sorted_and_scores_come_last(job: Job) -> None:
    job.hyperparameters.update({"_tuning_objective_metric": "validation:f1", "eval_metric": "error,auc,accuracy"})
    assert job.train() == 0, job.failure
    names = re.findall(r"train-([a-z0-9_]+):", job.metric_lines[0])
    assert names == ["auc", "error", "accuracy", "f1"]
    assert "Setting up HPO optimized metric to be : f1" in job.stderr


def test_multiclass_scores(empty_job: Job) -> None:
    values = table(150)
    values[:, 0] = np.digitize(values[:, 1], [-0.5, 0.5])
    empty_job.add_channel("train", {"train.csv": as_csv(values)})
    names = "accuracy,balanced_accuracy,f1,f1_macro,precision_macro,precision_micro,recall_macro,recall_micro"
    empty_job.hyperparameters = {
        "num_round": "3", "objective": "multi:softprob", "num_class": "3", "eval_metric": f"{names},mlogloss",
    }  # fmt: skip
    assert empty_job.train() == 0, empty_job.failure
    last = dict(item.rsplit(":", 1) for item in empty_job.metric_lines[-1].split("\t")[1:])
    booster = xgboost.Booster(model_file=str(empty_job.model))
    classes = booster.predict(xgboost.DMatrix(values[:, 1:])).argmax(axis=1)
    assert float(last["train-accuracy"]) == round(float((classes == values[:, 0]).mean()), 5)
    assert set(last) == {f"train-{name}" for name in [*names.split(","), "mlogloss"]}


def test_regression_scores(empty_job: Job) -> None:
    empty_job.add_channel("train", {"train.csv": as_csv(table(100)[:, 1:])})
    empty_job.hyperparameters = {
        "num_round": "2", "objective": "reg:squarederror", "eval_metric": "mae,mse,r2,rmse",
    }  # fmt: skip
    assert empty_job.train() == 0, empty_job.failure
    mse, rmse = (float(re.findall(rf"train-{name}:(\S+)", empty_job.metric_lines[-1])[0]) for name in ("mse", "rmse"))
    assert rmse == pytest.approx(mse**0.5, abs=1e-4)


def test_early_stopping_keeps_the_best_round(job: Job) -> None:
    job.hyperparameters.update(
        {"num_round": "300", "eta": "0.8", "eval_metric": "logloss", "early_stopping_rounds": "5"}
    )
    assert job.train() == 0, job.failure
    losses = [float(line.rsplit(":", 1)[1]) for line in job.metric_lines]
    best = int(np.argmin(losses))
    assert len(losses) == best + 6 < 300
    assert xgboost.Booster(model_file=str(job.model)).num_boosted_rounds() == best + 1


def test_early_stopping_without_a_named_metric_does_nothing(job: Job) -> None:
    job.hyperparameters.update({"num_round": "30", "eta": "0.8", "early_stopping_rounds": "1"})
    assert job.train() == 0, job.failure
    assert len(job.metric_lines) == 30


def start_long_job(job: Job) -> int:
    job.hyperparameters["num_round"] = "1000000"
    job.write_config()
    pid = job.parent.start("train.py", job)
    deadline = time.monotonic() + DEADLINE
    while not ((job.root / "stdout").exists() and len(job.metric_lines) > 3):
        assert time.monotonic() < deadline
    return pid


def test_sigterm_ends_the_job_without_a_model(job: Job) -> None:
    pid = start_long_job(job)
    assert job.parent.stop(pid) == -15
    assert not job.model.exists()


def test_sigterm_keeps_the_model_when_asked_to(job: Job) -> None:
    job.hyperparameters["save_model_on_termination"] = "true"
    pid = start_long_job(job)
    assert job.parent.stop(pid) == 0
    assert xgboost.Booster(model_file=str(job.model)).num_boosted_rounds() > 2
    assert [path.name for path in job.model.parent.iterdir()] == ["xgboost-model"]


def test_checkpoint_of_the_first_round(job: Job, tmp_path: Path) -> None:
    job.write_config()
    config = job.root / "input" / "config" / "checkpointconfig.json"
    config.write_text(json.dumps({"S3Uri": "s3://b/c", "LocalPath": str(tmp_path / "checkpoints")}))
    assert job.train() == 0, job.failure
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["xgboost-checkpoint_0.ubj"]


def test_k_fold(job: Job) -> None:
    job.hyperparameters.update({"_kfold": "3", "_num_cv_round": "2", "eval_metric": "auc"})
    assert job.train() == 0, job.failure
    assert sorted(path.name for path in job.model.parent.iterdir()) == [f"xgboost-model-{i}" for i in range(6)]
    means = [line for line in job.metric_lines if line.startswith("[4]")]
    assert len(means) == 3
    assert all(re.fullmatch(r"\[4]\ttrain-auc:0\.\d{5}\tvalidation-auc:0\.\d{5}", line) for line in means)
    rows = np.loadtxt(job.root / "output" / "data" / "predictions.csv", delimiter=",")
    assert rows.shape == (400, 3)
    assert list(rows[:, 0]) == [*table(300)[:, 0], *table(100, seed=2)[:, 0]]
    assert ((rows[:, 1] > 0.5) == (rows[:, 2] == 1)).mean() > 0.9


def test_xgboost_errors_are_named(job: Job) -> None:
    job.hyperparameters["objective"] = "aft_loss_distribution"  # the container's table holds this slip
    assert job.train() == 1
    assert "AlgorithmError: XGB train call failed with exception:\n" in job.failure
    assert "Unknown objective function: `aft_loss_distribution`" in job.failure


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_message_is_within_the_part_of_the_failure_file_that_is_shown(job: Job) -> None:
    job.hyperparameters["eta"] = "2"
    assert job.train() == 1
    assert "Hyperparameter eta: 2.0 is not in [0, 1]" in job.failure[:1000]


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_cold_start_as_a_program(job: Job) -> None:
    job.write_config()
    env = {"PATH": os.environ["PATH"], "SAGEMAKER_BASE_DIR": str(job.root)}
    done = subprocess.run([sys.executable, str(IMAGE / "train.py")], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\tvalidation-logloss:") == 4
