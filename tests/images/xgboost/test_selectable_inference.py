"""SAGEMAKER_INFERENCE_OUTPUT: keys by objective, in every encoding."""

from __future__ import annotations

import json
import math
import struct

import pytest

from .conftest import Job, Server, Servers, as_csv
from .test_serving import FEATURES, model, offline, save

pytestmark = pytest.mark.provenance("documented", source="source code: aws/sagemaker-xgboost-container")


ROWS = as_csv(FEATURES[:3])


def serve(job: Job, servers: Servers, objective: str, keys: str, **environment: str) -> Server:
    save(job, model(objective))
    return servers.start(job, SAGEMAKER_INFERENCE_OUTPUT=keys, **environment)


def test_binary_json(empty_job: Job, servers: Servers) -> None:
    keys = "predicted_label, LABELS,probability,probabilities,raw_score,raw_scores,predicted_score"
    server = serve(empty_job, servers, "binary:logistic", keys)
    found = json.loads(server.invoke(ROWS, Accept="application/json").body)["predictions"]
    for item, p in zip(found, offline(model(), FEATURES[:3]), strict=True):
        assert math.isnan(item.pop("predicted_score"))
        assert item == {
            "predicted_label": int(p > 0.5),
            "labels": [0, 1],
            "probability": p,
            "probabilities": [1.0 - p, p],
            "raw_score": p,
            "raw_scores": [1.0 - p, p],
        }
    assert "Selected key(s) {'predicted_score'} incompatible for objective 'binary:logistic'." in empty_job.stderr


def test_multiclass_csv_and_jsonlines(empty_job: Job, servers: Servers) -> None:
    server = serve(empty_job, servers, "multi:softprob", "predicted_label,probability,labels,probabilities")
    expected = offline(model("multi:softprob"), FEATURES[:3])
    lines = [f'{row.index(max(row))},{max(row)},"[0, 1, 2]","{row}"' for row in expected]
    assert server.invoke(ROWS).text == "\n".join(lines)
    first = json.loads(server.invoke(ROWS, Accept="application/jsonlines").text.splitlines()[0])
    assert first["probabilities"] == expected[0]


def test_batch_ends_with_a_newline(empty_job: Job, servers: Servers) -> None:
    server = serve(empty_job, servers, "reg:squarederror", "predicted_score", SAGEMAKER_BATCH="true")
    scores = offline(model("reg:squarederror"), FEATURES[:3])
    assert server.invoke(ROWS).text == "".join(f"{score}\n" for score in scores)


@pytest.mark.parametrize(
    ("objective", "label"), [("binary:hinge", 1.0), ("binary:logitraw", 1), ("multi:softmax", 2.0)]
)
def test_label_of_other_objectives(empty_job: Job, servers: Servers, objective: str, label: float) -> None:
    server = serve(empty_job, servers, objective, "predicted_label,raw_scores")
    found = json.loads(server.invoke("3,3,0,0,0", Accept="application/json").body)["predictions"][0]
    assert found["predicted_label"] == label
    assert type(found["predicted_label"]) is type(label)
    assert found["raw_scores"] == [1.0 - found["raw_scores"][1], found["raw_scores"][1]]


def test_unsupported_objective(empty_job: Job, servers: Servers) -> None:
    reply = serve(empty_job, servers, "count:poisson", "predicted_score").invoke(ROWS)
    assert (reply.status, reply.text) == (
        500,
        "Objective `count:poisson` unsupported for selectable inference predictions.",
    )


def test_protobuf_frames(empty_job: Job, servers: Servers) -> None:
    server = serve(empty_job, servers, "binary:logistic", "probability")
    body = server.invoke(ROWS, Accept="application/x-recordio-protobuf").body
    records, offset = [], 0
    while offset < len(body):
        magic, length = struct.unpack_from("<II", body, offset)
        assert magic == 0xCED7230A
        records.append(body[offset + 8 : offset + 8 + length])
        offset += 8 + length + -length % 4
    # label map entry {key "probability": Value{float32_tensor{values [p]}}}, after the records before it
    entries = [
        b"\x12\x17\x0a\x0bprobability\x12\x08\x12\x06\x0a\x04" + struct.pack("<f", p)
        for p in offline(model(), FEATURES[:3])
    ]
    assert records == [b"".join(entries[: count + 1]) for count in range(3)]
