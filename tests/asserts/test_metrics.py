"""Expectations on metrics and models, of a training job that really ran."""

from __future__ import annotations

import importlib
import io
import os
import pickle
import socket
import sys
import tarfile
import tempfile
from pathlib import Path
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


@pytest.mark.needs("namespaces")
def test_a_pickled_booster_is_handed_over_too(trained: dict[str, Any], cloud: Cloud, expects: Expectations) -> None:
    """As images of xgboost before 1.3 wrote it."""
    booster = expects.model(trained["ModelArtifacts"]["S3ModelArtifacts"])
    pickled = cloud.put("models/pickled.tar.gz", archive({"xgboost-model": pickle.dumps(booster)}))
    row = np.array([[9.0, 1.0]])
    assert expects.model(pickled).inplace_predict(row).tolist() == booster.inplace_predict(row).tolist()


def archive(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return packed.getvalue()


@pytest.mark.needs("namespaces")
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


class Thief:
    """Does what a hostile job's pickle would when it is loaded."""

    def __init__(self, program: str) -> None:
        self._program = program

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return eval, (self._program,)


@pytest.mark.needs("namespaces")
def test_a_pickle_cannot_reach_anything(cloud: Cloud, expects: Expectations, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("CANARY")
    written = Path(tempfile.gettempdir(), f"harness-pickle-{os.getpid()}")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        tries = (
            f"open({str(tmp_path / 'secret')!r}).read()",
            f"__import__('socket').create_connection(('127.0.0.1', {listener.getsockname()[1]}), 5)",
            "open('/usr/made-by-a-pickle', 'w')",
        )
        for number, program in enumerate((*tries, f"open({str(written)!r}, 'w').write('x')")):
            uri = cloud.put(f"models/hostile-{number}.tar.gz", archive({"model.pkl": pickle.dumps(Thief(program))}))
            if program in tries:
                with pytest.raises(ExpectationFailed, match=r"FileNotFoundError|ConnectionRefusedError|OSError"):
                    expects.model(uri)
            else:
                assert expects.model(uri) == 1
    assert not written.exists()
    trusted = cloud.put("models/trusted.tar.gz", archive({"model.pkl": pickle.dumps(Thief("1 + 1"))}))
    assert expects.model(trusted, trusted=True) == 2


@pytest.mark.needs("namespaces")
def test_a_pickled_model_is_used_where_it_was_loaded(cloud: Cloud, expects: Expectations, tmp_path: Path) -> None:
    (tmp_path / "own_models.py").write_text(
        "import numpy as np\n"
        "class Doubling:\n"
        "    factor = np.float32(2)\n"
        "    def predict(self, rows, offset=0): return np.asarray(rows) * self.factor + offset\n"
        "    def parts(self): return [self, {'a': (1, b'x')}]\n"
        "    def fails(self): raise KeyError('gone')\n"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(tmp_path)
        pickled = pickle.dumps(importlib.import_module("own_models").Doubling())
        sys.modules.pop("own_models")
    uri = cloud.put("models/own.tar.gz", archive({"model.pkl": pickled}))
    with pytest.raises(ExpectationFailed, match=r"ModuleNotFoundError: [\s\S]*or pass its folder as code"):
        expects.model(uri)
    model = expects.model(uri, code=[tmp_path])
    assert model.predict(np.array([[1.0, 2.0]]), offset=1).tolist() == [[3.0, 5.0]]
    assert model.factor == 2
    assert isinstance(model.factor, np.float32)
    same, plain = model.parts()
    assert plain == {"a": (1, b"x")}
    assert same.predict([3]).tolist() == [6]
    assert not hasattr(model, "other")
    with pytest.raises(Exception, match="KeyError: 'gone'"):
        model.fails()
    assert "own_models" not in sys.modules


@pytest.mark.needs("namespaces")
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
