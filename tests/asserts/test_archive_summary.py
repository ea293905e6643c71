"""What is told of an archive or a prefix: names, sizes and kinds, whatever the files are called."""

from __future__ import annotations

import json
import pickle

import pytest

from harness.asserts.archive_summary import MOST, below, kind_of, within
from tests.conftest import RunningEmulator


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "empty"),
        (pickle.dumps({"a": 1}), "pickle"),
        (json.dumps({"a": [1]}).encode(), "json"),
        (b"{L\x00\x00\x00\x00\x00\x00\x00\x07learnerL", "ubjson"),
        (b"{L\x00\x00\xff\xfe", "ubjson"),
        (b"\x1f\x8b\x08\x00", "gzip"),
        (b"PAR1....PAR1", "parquet"),
        (b"\x00\xff\xfe", "binary"),
        (b"1,2,3\n4,5,6\n", "csv of 3 columns"),
        (b"Dear reader,\nall is well\n", "text"),
        (b"{not json}", "text"),
    ],
)
def test_a_file_is_known_by_what_is_in_it(body: bytes, kind: str) -> None:
    assert kind_of(body) == kind


def test_a_model_of_xgboost_is_ubjson() -> None:
    xgboost = pytest.importorskip("xgboost")
    numpy = pytest.importorskip("numpy")
    data = xgboost.DMatrix(numpy.array([[0.0], [1.0]]), label=[0, 1])
    model = xgboost.train({"objective": "binary:logistic"}, data, num_boost_round=1)
    assert kind_of(bytes(model.save_raw("ubj"))) == "ubjson"
    assert kind_of(bytes(model.save_raw("json"))) == "json"


def test_members_are_told_in_order_and_not_without_end() -> None:
    assert within({"b": b"1,2", "a": b""}) == [
        {"name": "a", "bytes": 0, "kind": "empty"},
        {"name": "b", "bytes": 3, "kind": "csv of 2 columns"},
    ]
    assert len(within({str(number): b"" for number in range(2 * MOST)})) == MOST


def test_objects_are_told_by_their_names_below_the_prefix(emulator: RunningEmulator) -> None:
    s3 = emulator.client("s3")
    s3.create_bucket(Bucket="contents")
    for key in ("run/data/train/a.csv", "run/data/b.csv"):
        s3.put_object(Bucket="contents", Key=key, Body=b"1,2")
    named = [{"name": "b.csv", "bytes": 3}, {"name": "train/a.csv", "bytes": 3}]
    assert below(s3, "s3://contents/run/data") == below(s3, "s3://contents/run/data/") == named
    assert below(s3, "s3://contents/run/data/b.csv") == [{"name": "b.csv", "bytes": 3}]
