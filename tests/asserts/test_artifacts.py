"""Expectations on objects: their being there, now or soon, and what they hold."""

from __future__ import annotations

import threading

import pytest

from harness.asserts import ExpectationFailed, Expectations, objects
from tests.cloud import BUCKET, Cloud
from tests.hosting import archive


def test_an_object_that_comes_by_itself_is_waited_for(cloud: Cloud, expects: Expectations) -> None:
    later = threading.Timer(0.4, cloud.put, ("soon/report.json", "{}"))
    later.start()
    assert expects.objects(f"s3://{BUCKET}/soon/", ["report.json"], seconds=20) == [f"s3://{BUCKET}/soon/report.json"]
    later.join()
    with pytest.raises(ExpectationFailed, match=r"soon/ holds other[\s\S]*soon/report.json"):
        expects.objects(f"s3://{BUCKET}/soon/", ["other"], seconds=0.1)


def test_nothing_may_be_expected(cloud: Cloud, expects: Expectations) -> None:
    expects.no_objects(f"s3://{BUCKET}/nowhere/")
    cloud.put("somewhere/a", "b")
    with pytest.raises(ExpectationFailed, match=r"somewhere/ holds nothing[\s\S]*somewhere/a"):
        expects.no_objects(f"s3://{BUCKET}/somewhere/")


def test_text_is_searched(cloud: Cloud, expects: Expectations) -> None:
    uri = cloud.put("texts/a.txt", "first\nepoch 12 done\n")
    assert expects.text(uri, r"epoch \d+ done").startswith("first")
    with pytest.raises(ExpectationFailed, match=r"a.txt has 'epoch 13'[\s\S]*reads: 'first"):
        expects.text(uri, "epoch 13")
    with pytest.raises(ExpectationFailed, match="is not empty"):
        expects.text(cloud.put("texts/blank.txt", " \n"))
    with pytest.raises(ExpectationFailed, match=r"texts/gone.txt is there[\s\S]*NoSuchKey[\s\S]*texts/a.txt"):
        expects.text(f"s3://{BUCKET}/texts/gone.txt")


def test_documents_have_a_shape(cloud: Cloud, expects: Expectations) -> None:
    json_uri = cloud.put("documents/a.json", '{"mean": 0.5, "names": ["a"]}')
    assert expects.document(json_uri, {"mean": (0, 1), "names": [str]})["mean"] == 0.5
    csv_uri = cloud.put("documents/a.csv", "1,a\n2,b\n")
    assert expects.document(csv_uri, [[float, str]]) == [[1.0, "a"], [2.0, "b"]]
    with pytest.raises(ExpectationFailed, match=r"a.json.mean is 0.5, not a number between 1 and 2[\s\S]*reads:"):
        expects.document(json_uri, {"mean": (1, 2)})
    with pytest.raises(ExpectationFailed, match="is of type application/json"):
        expects.document(cloud.put("documents/b.json", "{"), dict)


def test_an_archive_that_grows_beyond_measure_is_not_held_in_memory(
    cloud: Cloud, expects: Expectations, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects, "_IN_MEMORY", 1 << 20)
    uri = cloud.put("grows/model.tar.gz", archive({"zeros": bytes(8 << 20)}))
    with pytest.raises(
        ExpectationFailed, match=r"model.tar.gz is an archive[\s\S]*unpacks to more than 1,048,576 bytes"
    ):
        expects.archive(uri)
    fits = cloud.put("fits/model.tar.gz", archive({"./zeros": bytes(1000)}))
    assert expects.archive(fits, ["zeros"]) == {"zeros": bytes(1000)}
