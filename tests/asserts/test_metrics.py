"""Expectations on metrics and models, of a training job that really ran."""

from __future__ import annotations

import io
import pickle
import tarfile
from typing import Any

import joblib
import numpy as np
import pytest

from harness.asserts import ExpectationFailed, Expectations
from tests.asserts.told import Told
from tests.cloud import BUCKET, Cloud

ROUNDS = 6


@pytest.fixture(scope="module")
def trained(cloud: Cloud) -> dict[str, Any]:
    rows = "".join(f"{int(number % 10 > 4)},{number % 10},{number % 7}\n" for number in range(300))
    channels = {name: cloud.put(f"metrics/{name}/rows.csv", rows) for name in ("train", "validation")}
    parameters = {"objective": "binary:logistic", "eval_metric": "logloss", "num_round": str(ROUNDS), "eta": "0.3"}
    return cloud.train(channels, HyperParameters=parameters)


def test_final_values(trained: dict[str, Any], expects: Expectations, session: Told) -> None:
    job = trained["TrainingJobName"]
    value = expects.metric(job, "validation:logloss", high=0.5)
    assert expects.metric(job, "validation:logloss", near=value, tolerance=1e-3) == value
    assert expects.metrics(job)["validation:logloss"] == value
    assert session.told[0] == (f"validation:logloss is at most 0.5: {value:.4g}", True)
    with pytest.raises(ExpectationFailed, match=rf"is between 5 and 6[\s\S]*more: harness logs {job}"):
        expects.metric(job, "validation:logloss", 5, 6)
    with pytest.raises(ExpectationFailed, match=r"has a metric validation:auc\nit has train:logloss"):
        expects.metric(job, "validation:auc")


def test_curves(trained: dict[str, Any], expects: Expectations) -> None:
    job = trained["TrainingJobName"]
    values = expects.curve(job, "train:logloss", "falling", low=0, high=1)
    assert len(values) == ROUNDS
    assert expects.curve(job, "train:logloss", near=values) == values
    expects.curve(job, "train:logloss", "rising", slack=1.0)
    with pytest.raises(
        ExpectationFailed, match=r"is rising over 6 values\n  1: 0.\d+ after 0.\d+[\s\S]*its values: 0."
    ):
        expects.curve(job, "train:logloss", "rising")
    with pytest.raises(ExpectationFailed, match=r"is within -inf and 0.01 over"):
        expects.curve(job, "train:logloss", high=0.01)
    with pytest.raises(ExpectationFailed, match=r"6 numbers, 1 expected"):
        expects.curve(job, "train:logloss", near=[0.5])
    with pytest.raises(ExpectationFailed, match=r"train:auc of .* is logged over training"):
        expects.curve(job, "train:auc")
    with pytest.raises(ExpectationFailed, match=r"defines the metric mine"):
        expects.curve(job, "mine")
    with pytest.raises(ValueError, match="'rising' or 'falling', not 'up'"):
        expects.curve(job, "train:logloss", "up")


def test_training_is_billed_as_it_says(trained: dict[str, Any], expects: Expectations) -> None:
    found = expects.billed("TrainingJob", trained["TrainingJobName"], below=120)
    assert found == trained["BillableTimeInSeconds"]


def test_a_model_that_loads_is_handed_over(trained: dict[str, Any], expects: Expectations) -> None:
    booster = expects.model(trained["ModelArtifacts"]["S3ModelArtifacts"])
    assert booster.inplace_predict(np.array([[9.0, 1.0]]))[0] > 0.5


def archive(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return packed.getvalue()


def test_pickles_and_joblib_files_load_too(cloud: Cloud, expects: Expectations) -> None:
    dumped = io.BytesIO()
    joblib.dump({"a": 1}, dumped)
    both = archive({"model.joblib": dumped.getvalue(), "other.pkl": pickle.dumps([1])})
    uri = cloud.put("models/both.tar.gz", both)
    assert expects.model(uri, "model.joblib") == {"a": 1}
    assert expects.model(uri, "other.pkl") == [1]
    with pytest.raises(ExpectationFailed, match=r"\['model.joblib', 'other.pkl'\] exactly one must be a known kind"):
        expects.model(uri)
    with pytest.raises(ExpectationFailed, match=r"both.tar.gz holds third.pkl"):
        expects.model(uri, "third.pkl")


def test_a_model_that_does_not_load_is_told_with_why(cloud: Cloud, expects: Expectations) -> None:
    broken = cloud.put("models/broken.tar.gz", archive({"xgboost-model": b"no model", "model.pkl": b"\x80"}))
    for member, reason in (("xgboost-model", "xgboost-model \\(8 bytes\\): "), ("model.pkl", "EOFError|Unpickling")):
        with pytest.raises(ExpectationFailed, match=reason):
            expects.model(broken, member)


def test_what_is_no_archive_or_not_there(cloud: Cloud, expects: Expectations) -> None:
    cut = archive({"a": bytes(range(256)) * 40})[:100]
    for key, body in (("text", b"just text"), ("cut", cut), ("empty", b"")):
        uri = cloud.put(f"archives/{key}.tar.gz", body)
        with pytest.raises(ExpectationFailed, match=rf"{key}.tar.gz is an archive"):
            expects.archive(uri)
    with pytest.raises(ExpectationFailed, match=rf"s3://{BUCKET}/archives/cut.tar.gz"):
        expects.archive(f"s3://{BUCKET}/archives/gone.tar.gz")
