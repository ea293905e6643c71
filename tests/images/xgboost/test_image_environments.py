"""The locked environments of older images: built by uv from the package index, then a job and its server in each."""

from __future__ import annotations

import json
import os
import pickle
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.contract.catalog import load_catalog
from harness.runners.process.environments import Environments

from .conftest import FEATURE_ROWS, ForkingParent, Job, Servers, as_csv, table

pytestmark = [
    pytest.mark.needs("index"),
    pytest.mark.timeout(600),
    pytest.mark.provenance("documented", source="source code: aws/sagemaker-xgboost-container"),
]
CHOSEN = os.environ.get("HARNESS_TEST_IMAGES", "1 1.0-1 1.7-1 3.2-0").split()
"""CI takes the oldest, one with each way of training, and the newest; `tox -e images` takes every version."""
NEGOTIATES = {"1.2-2", "1.3-1", "1.5-1", "1.7-1", "3.0-5", "3.2-0"}
FUNCTIONS = {"1", "0.90-1", "0.90-2", "1.0-1", "1.2-1", "1.2-2"}
"""Versions whose XGBoost has callback functions and whose models are pickles."""


@pytest.fixture(scope="module", params=CHOSEN)
def environment(request: pytest.FixtureRequest) -> tuple[str, Path]:
    image = next(image for image in load_catalog() if (image.name, image.version) == ("xgboost", request.param))
    return request.param, Environments().build(image.locked, print)


@pytest.fixture
def old_job(environment: tuple[str, Path], tmp_path: Path) -> Iterator[Job]:
    tag, python = environment
    parent = ForkingParent(str(python))
    job = Job(tmp_path / "ml", parent, tag)
    job.add_channel("train", {"train.csv": as_csv(table(300))})
    job.add_channel("validation", {"validation.csv": as_csv(table(100, seed=2))})
    yield job
    parent.close()


def offline(python: Path, job: Job) -> list[float]:
    """What the environment's own xgboost predicts with the saved model, in a process of its own."""
    program = (
        "import collections, collections.abc, json, pickle, sys, xgboost\n"
        "collections.Mapping = collections.abc.Mapping\n"  # for 0.72 on new Pythons
        "path, rows = sys.argv[1], json.load(sys.stdin)\n"
        "try: model = pickle.load(open(path, 'rb'))\n"
        "except Exception: model = xgboost.Booster(); model.load_model(path)\n"
        "import numpy\n"
        "print(json.dumps(model.predict(xgboost.DMatrix(numpy.array(rows))).tolist()))\n"
    )
    done = subprocess.run(
        [str(python), "-W", "ignore", "-c", program, str(job.model)],
        input=json.dumps(FEATURE_ROWS),
        capture_output=True,
        text=True,
        check=True,
    )
    return list(json.loads(done.stdout))


def test_train_and_serve(environment: tuple[str, Path], old_job: Job, servers: Servers) -> None:
    tag, python = environment
    old_job.hyperparameters.update({"eval_metric": "logloss,accuracy", "_tuning_objective_metric": "validation:auc"})
    assert old_job.train() == 0, old_job.failure
    names = re.findall(r"\t(\S+):0\.\d{5}", old_job.metric_lines[-1])
    native = ["train-auc", "train-logloss", "validation-auc", "validation-logloss"]
    modern = [
        "train-auc",
        "train-logloss",
        "train-accuracy",
        "validation-auc",
        "validation-logloss",
        "validation-accuracy",
    ]
    assert names == ([*native, "train-accuracy", "validation-accuracy"] if tag in FUNCTIONS else modern)

    server = servers.start(old_job)
    expected = offline(python, old_job)
    csv = "".join(",".join(map(repr, row)) + "\n" for row in FEATURE_ROWS)
    reply = server.invoke(csv, Accept="text/csv")
    separator, end = ("\n", "\n") if tag in NEGOTIATES else (",", "")
    assert reply.text == separator.join(map(repr, expected)) + end
    as_json = server.invoke(csv, Accept="application/json")
    if tag in NEGOTIATES:
        assert json.loads(as_json.body) == {"predictions": [{"score": value} for value in expected]}
    else:
        assert as_json == reply
    from_zero = server.invoke("0:0.5 1:0.5 2:0.5 3:0.5 4:0.5", "text/libsvm")
    from_one = server.invoke("1:0.5 2:0.5 3:0.5 4:0.5 5:0.5", "text/libsvm")
    if tag == "3.2-0":  # the first that takes both
        assert from_one.body == from_zero.body
        assert from_zero.status == 200
    assert server.invoke("1,2,3,4,5,6,7").status == 400
    assert server.request("GET", "/ping").status == 200
    assert servers.stop(server) == 0


def test_early_stopping_and_checkpoints(environment: tuple[str, Path], old_job: Job, tmp_path: Path) -> None:
    tag, _ = environment
    old_job.hyperparameters.update(
        {"num_round": "200", "eta": "0.8", "eval_metric": "logloss", "early_stopping_rounds": "4"}
    )
    old_job.write_config()
    checkpoints = tmp_path / "checkpoints"
    config = old_job.root / "input" / "config" / "checkpointconfig.json"
    config.write_text(json.dumps({"LocalPath": str(checkpoints)}))
    assert old_job.train() == 0, old_job.failure
    losses = [float(line.rsplit(":", 1)[1]) for line in old_job.metric_lines]
    best = losses.index(min(losses))
    assert len(losses) == best + 5 < 200
    names = sorted(path.name for path in checkpoints.iterdir())
    if tag not in FUNCTIONS:
        assert names == ["xgboost-checkpoint_0." + ("ubj" if tag[0] == "3" else "json")]
        return
    assert sorted(int(name.rpartition(".")[2]) for name in names) == list(range(best, best + 5))
    (old_job.root / "stdout").unlink()
    old_job.hyperparameters = {"num_round": str(best + 7), "objective": "binary:logistic"}
    assert old_job.train() == 0, old_job.failure
    assert [line.split("\t")[0] for line in old_job.metric_lines] == [f"[{best + 5}]", f"[{best + 6}]"]
    assert f"Resuming from iteration {best + 5}" in old_job.stderr


def test_model_has_the_format_of_its_version(environment: tuple[str, Path], old_job: Job) -> None:
    assert old_job.train() == 0, old_job.failure
    data = old_job.model.read_bytes()
    protocol = b"\x04" if old_job.tag in ("1.2-1", "1.2-2") else b"\x03"
    assert (data[:2] == b"\x80" + protocol and data[-1:] == pickle.STOP) == (old_job.tag in FUNCTIONS)
