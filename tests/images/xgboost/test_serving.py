"""The model server over HTTP: status table, encodings, and numbers equal to xgboost's own."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost

from .conftest import ForkingParent, Job, Server, Servers, as_csv, table

pytestmark = pytest.mark.provenance("documented", source="source code: aws/sagemaker-xgboost-container")


FEATURES = table(40, seed=5)[:, 1:]
ACCEPTS = "['application/json', 'application/jsonlines', 'application/x-recordio-protobuf', 'text/csv']"
CONTENT_TYPES = (
    "csv, libsvm, parquet, recordio-protobuf, text/csv, text/libsvm, text/x-libsvm, "
    "application/x-parquet, application/x-recordio-protobuf."
)


def model(objective: str = "binary:logistic", **parameters: Any) -> xgboost.Booster:
    values = table(300)
    if objective.startswith("multi:"):
        values[:, 0] = np.digitize(values[:, 1], [-0.5, 0.5])
        parameters["num_class"] = 3
    matrix = xgboost.DMatrix(values[:, 1:], label=values[:, 0])
    return xgboost.train({"objective": objective, "max_depth": 4, "verbosity": 0, **parameters}, matrix, 8)


def save(job: Job, booster: xgboost.Booster, name: str = "xgboost-model") -> None:
    job.model.parent.mkdir(parents=True, exist_ok=True)
    booster.save_model(str(job.root / "model.ubj"))
    (job.root / "model.ubj").rename(job.model.parent / name)


def offline(booster: xgboost.Booster, features: Any = FEATURES) -> list[Any]:
    return list(booster.predict(xgboost.DMatrix(features)).tolist())


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, parent: ForkingParent) -> Iterator[Server]:
    """One server for all tests that only ask it."""
    servers = Servers()
    job = Job(tmp_path_factory.mktemp("served") / "ml", parent)
    save(job, model())
    yield servers.start(job)
    servers.close()


def test_ping_and_execution_parameters(served: Server) -> None:
    ping = served.request("GET", "/ping")
    assert (ping.status, ping.body) == (200, b"")
    parameters = served.request("GET", "/execution-parameters")
    assert (parameters.status, parameters.content_type) == (200, "application/json")
    content = json.loads(parameters.body)
    assert content.pop("MaxConcurrentTransforms") >= 1
    assert content == {"BatchStrategy": "MULTI_RECORD", "MaxPayloadInMB": 6}


def test_csv_answer(served: Server) -> None:
    reply = served.invoke(as_csv(FEATURES), Accept="text/csv")
    assert (reply.status, reply.content_type) == (200, "text/csv; charset=utf-8")
    assert reply.text == "".join(f"{value!r}\n" for value in offline(model()))
    for accept in ({}, {"Accept": "*/*"}, {"Accept": "TEXT/CSV; charset=utf-8"}):
        assert served.invoke(as_csv(FEATURES), **accept) == reply


def test_json_answer(served: Server) -> None:
    reply = served.invoke(as_csv(FEATURES), Accept="application/json")
    assert (reply.status, reply.content_type) == (200, "application/json")
    assert json.loads(reply.body) == {"predictions": [{"score": value} for value in offline(model())]}
    assert reply.text.startswith('{"predictions": [{"score": 0.')


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (as_csv(FEATURES[:2]), "csv"),
        (as_csv(FEATURES[:2]), "text/csv; label_size=1; charset=utf8"),
        (as_csv(FEATURES[:2], "\t"), "text/csv"),
        (as_csv(FEATURES[:2]).replace("\n", "\r\n"), "text/csv"),
        (
            "".join(" ".join(f"{i}:{float(v)!r}" for i, v in enumerate(row)) + "\n" for row in FEATURES[:2]),
            "text/x-libsvm",
        ),
        ("".join("1 " + " ".join(f"{i}:{float(v)!r}" for i, v in enumerate(row)) + "\n" for row in FEATURES[:2]), None),
    ],
)
def test_the_same_rows_in_every_format(served: Server, body: str, content_type: str | None) -> None:
    reply = served.invoke(body, content_type)
    assert (reply.status, [float(line) for line in reply.text.split()]) == (200, offline(model(), FEATURES[:2]))


def test_missing_cells_and_columns_are_missing_values(served: Server) -> None:
    row = FEATURES[:1].copy()
    row[0, [1, 4]] = np.nan
    expected = offline(model(), row)
    for body in (f"{row[0, 0]},,{row[0, 2]},{row[0, 3]},", f"{row[0, 0]},nan,{row[0, 2]},{row[0, 3]},NaN"):
        assert [float(served.invoke(body).text)] == expected
    shorter = ",".join(str(value) for value in FEATURES[0, :3])
    missing = np.array([[*FEATURES[0, :3], np.nan, np.nan]])
    assert [float(served.invoke(shorter).text)] == offline(model(), missing)


@pytest.mark.parametrize(
    ("body", "content_type", "accept", "status", "text"),
    [
        (b"", "text/csv", "", 204, ""),
        (b"", "image/png", "foo/bar", 204, ""),
        (b"1,2", "image/png", "foo/bar", 415, f"image/png is not an accepted ContentType: {CONTENT_TYPES}"),
        (b"1,2", "text/csv;label_size=2", "", 415, ("text/csv;label_size=2 is not an accepted csv ContentType. "
         "Optional parameter label_size must be equal to 1")),
        (b"PAR1", "application/x-parquet", "", 415, "Content-type application/x-parquet is not supported."),
        (b"1,2,x,4,5", "text/csv", "", 415, ("Loading csv data failed with Exception, please ensure data is in csv "
         "format:\n <class 'ValueError'>\n could not convert string to float: 'x'")),
        (b"1,2,3,4,5\n1,2,3", "text/csv", "", 415, "Loading csv data failed with Exception, "),
        (b"\xff\xfe,1", "text/csv", "", 415, "Loading csv data failed with Exception, "),
        (b"1,2,3,4,1e999", "text/csv", "", 415, "Loading csv data failed with Exception, "),
        (b"1:x", "libsvm", "", 415, "Loading libsvm data failed with Exception, please ensure data is in libsvm "),
        (b"1,2,3,4,5,6", "text/csv", "foo/bar", 400, "Unable to evaluate payload provided: "),
        (b"1,2,3,4,5", "text/csv", "foo/bar", 406,
         f"Accept type foo/bar is not supported. Please use supported accept types: {ACCEPTS}."),
        (b"1,2,3,4,5", "text/csv", "application/jsonlines", 500, "<!doctype html>\n<html lang=en>\n<title>500 "),
    ],
)  # fmt: skip
def test_refused_in_the_containers_order(
    served: Server, body: bytes, content_type: str, accept: str, status: int, text: str
) -> None:
    reply = served.invoke(body, content_type, Accept=accept)
    assert (reply.status, reply.text[: len(text)]) == (status, text)
    if text == "" or text.endswith("."):
        assert reply.text == text
    assert served.invoke("1,2,3,4,5").status == 200


def test_body_over_the_limit(empty_job: Job, servers: Servers) -> None:
    save(empty_job, model())
    server = servers.start(empty_job, MAX_CONTENT_LENGTH="1000")
    assert server.invoke("1,2,3,4,5\n" * 100).status == 200
    reply = server.invoke("1,2,3,4,5\n" * 100 + "\n")
    assert (reply.status, b"413 Request Entity Too Large" in reply.body) == (413, True)
    assert server.invoke("1,2,3,4,5\n" * 1_000_000).status == 413


def test_other_paths_and_methods(served: Server) -> None:
    assert (served.request("GET", "/").status, served.request("GET", "/models").body) == (404, b"{}")
    assert served.request("GET", "/invocations").status == served.request("POST", "/ping").status == 405


@pytest.mark.parametrize("content", [None, b"this is no model"])
def test_model_that_cannot_be_loaded(empty_job: Job, servers: Servers, content: bytes | None) -> None:
    empty_job.model.parent.mkdir(parents=True)
    if content:
        empty_job.model.write_bytes(content)
    server = servers.start(empty_job)
    assert server.request("GET", "/ping").status == 500
    reply = server.invoke("1,2,3,4,5")
    assert (reply.status, reply.text.startswith("Unable to load model: ")) == (500, True)
    assert not content or "cannot be loaded:\nPickle load error=" in reply.text


@pytest.mark.parametrize("content", [b"this is no model", pickle.dumps(b"no model")])
def test_1_0_ends_where_the_model_cannot_be_loaded(empty_job: Job, content: bytes) -> None:
    empty_job.tag = "1.0-1"
    empty_job.write_config()
    empty_job.model.write_bytes(content)
    assert empty_job.parent.wait(empty_job.parent.start("serve.py", empty_job)) != 0


@pytest.mark.parametrize("objective", ["multi:softprob", "multi:softmax", "reg:squarederror", "count:poisson"])
def test_objectives(empty_job: Job, servers: Servers, objective: str) -> None:
    booster = model(objective)
    save(empty_job, booster)
    server = servers.start(empty_job)
    expected = offline(booster)
    lines = server.invoke(as_csv(FEATURES)).text.splitlines()
    assert lines == [",".join(map(repr, row)) if isinstance(row, list) else repr(row) for row in expected]
    scores = json.loads(server.invoke(as_csv(FEATURES), Accept="application/json").body)["predictions"]
    assert [score["score"] for score in scores] == expected


@pytest.mark.parametrize("booster", ["gblinear", "dart"])
def test_other_boosters(empty_job: Job, servers: Servers, booster: str) -> None:
    trained = model(booster=booster)
    save(empty_job, trained)
    assert [float(line) for line in servers.start(empty_job).invoke(as_csv(FEATURES)).text.split()] == offline(trained)


def test_batch_transform(empty_job: Job, servers: Servers) -> None:
    save(empty_job, model("multi:softprob"))
    server = servers.start(empty_job, SAGEMAKER_BATCH="true")
    reply = server.invoke(as_csv(FEATURES), Accept="application/json")
    assert reply.content_type == "application/json"
    assert reply.text == "".join(f"{row}\n" for row in offline(model("multi:softprob")))


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_large_bodies_give_the_numbers_of_small_ones(empty_job: Job, servers: Servers) -> None:
    features = table(30_000, seed=9)[:, 1:]
    features[::7, 2] = np.nan
    features[::11, 4] = np.nan
    text = "".join(",".join("" if np.isnan(v) else repr(v) for v in row) + "\n" for row in features.tolist())
    assert len(text) > 1_000_000
    save(empty_job, model())
    server = servers.start(empty_job)
    expected = offline(model(), features)
    assert [float(line) for line in server.invoke(text).text.split()] == expected
    lines = text.splitlines()
    few = server.invoke("\n".join(lines[:100])).text.split()
    assert [float(line) for line in few] == expected[:100]
    for spoilt in (f"{text}1,2,3\n", f"{text}1,2,3,4,5,6\n", f"{text}1,2,three,4,5\n", f"{text}1,2,,,NA\n"):
        assert server.invoke(spoilt).status == 415


def test_ensemble(empty_job: Job, servers: Servers, tmp_path: Path) -> None:
    models = [model(), model(max_depth=2), model(eta=0.1)]
    for number, booster in enumerate(models):
        save(empty_job, booster, f"xgboost-model-{number}")
    (empty_job.model.parent / ".hidden").write_text("no model")
    (empty_job.model.parent / "model.tar.gz").write_text("what local mode leaves")
    expected = np.mean([booster.predict(xgboost.DMatrix(FEATURES)) for booster in models], axis=0).tolist()
    server = servers.start(empty_job)
    assert [float(line) for line in server.invoke(as_csv(FEATURES)).text.split()] == expected
    assert "Ignoring dotfile" in empty_job.stderr
    single = servers.start(empty_job, SAGEMAKER_INFERENCE_ENSEMBLE="false")
    assert [float(line) for line in single.invoke(as_csv(FEATURES)).text.split()] == offline(models[0])


def test_voting_ensemble(empty_job: Job, servers: Servers) -> None:
    models = [model("multi:softmax", max_depth=depth) for depth in (1, 2, 6)]
    for number, booster in enumerate(models):
        save(empty_job, booster, f"xgboost-model-{number}")
    votes = np.array([booster.predict(xgboost.DMatrix(FEATURES)) for booster in models]).astype(int)
    expected = [float(np.bincount(column).argmax()) for column in votes.T]
    assert [float(x) for x in servers.start(empty_job).invoke(as_csv(FEATURES)).text.split()] == expected


def test_default_accept_of_the_environment(empty_job: Job, servers: Servers) -> None:
    save(empty_job, model())
    server = servers.start(empty_job, SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT="application/json")
    assert server.invoke("1,2,3,4,5").content_type == "application/json"
    assert server.invoke("1,2,3,4,5", Accept="text/csv").content_type == "text/csv; charset=utf-8"


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_sigterm_stops_the_server_at_once(empty_job: Job, servers: Servers) -> None:
    save(empty_job, model())
    assert servers.stop(servers.start(empty_job)) == 0


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_several_models_are_refused(empty_job: Job) -> None:
    save(empty_job, model())
    pid = empty_job.parent.start("serve.py", empty_job, SAGEMAKER_MULTI_MODEL="true")
    assert empty_job.parent.wait(pid) == 1
    assert "Multi-model serving (SAGEMAKER_MULTI_MODEL) is not supported by this image." in empty_job.stderr
