"""Expectations: what is told when they are met, and the evidence when they are not."""

from __future__ import annotations

import io
import tarfile

import pytest

from harness.asserts import ExpectationFailed, Expectations
from harness.asserts.evidence import trim
from harness.asserts.monitoring import captured_records, without_sketches
from harness.asserts.objects import bucket_and_key
from tests.asserts.told import Told
from tests.cloud import BUCKET, Cloud


def test_a_met_expectation_is_told_and_an_unmet_one_ends_with_its_evidence(
    session: Told, expects: Expectations
) -> None:
    expects.equal(1, 1, "one is one")
    with pytest.raises(ExpectationFailed, match=r"expected: two is one\nexpected 1\nfound    2"):
        expects.equal(2, 1, "two is one")
    assert session.told == [("one is one", True), ("two is one", False)]


def test_a_range_shows_what_was_found(session: Told, expects: Expectations) -> None:
    expects.between(0.7777, 0.7, 0.8, "auc")
    assert session.told == [("auc is between 0.7 and 0.8: 0.7777", True)]
    with pytest.raises(ExpectationFailed, match=r"found 0.9"):
        expects.between(0.9, 0.7, 0.8, "auc")


def test_a_long_answer_keeps_what_comes_after_its_long_members() -> None:
    regexes = [{"Name": f"m{number}", "Regex": "x" * 50} for number in range(100)]
    told = trim({"MetricDefinitions": regexes, "Status": "Failed", "FailureReason": "it broke"})
    assert '"Status": "Failed"' in told
    assert '"FailureReason": "it broke"' in told
    assert "characters)" in told
    assert len(told) < 500


def test_numbers_are_compared_one_by_one(expects: Expectations) -> None:
    expects.close([1.0, 2.0000001], [1.0, 2.0], "equal")
    with pytest.raises(ExpectationFailed, match=r"1 differ; the first:\n  1: expected 2.0, found 2.1"):
        expects.close([1.0, 2.1], [1.0, 2.0], "equal")
    with pytest.raises(ExpectationFailed, match="1 numbers, 2 expected"):
        expects.close([1.0], [1.0, 2.0], "equal")
    with pytest.raises(ExpectationFailed):
        expects.close([float("nan")], [1.0], "equal")


def test_violations_must_be_exactly_those(expects: Expectations) -> None:
    found = [{"feature_name": "AGE", "constraint_check_type": "baseline_drift_check", "description": "0.6"}]
    expects.violations(found, {("AGE", "baseline_drift_check")}, "the right ones")
    with pytest.raises(ExpectationFailed, match=r"not expected: AGE baseline_drift_check: 0.6"):
        expects.violations(found, set(), "none")
    with pytest.raises(ExpectationFailed, match=r"missing: SEX data_type_check"):
        expects.violations(found, {("AGE", "baseline_drift_check"), ("SEX", "data_type_check")}, "both")


def test_something_may_take_its_time_but_not_for_ever(expects: Expectations) -> None:
    answers = iter([None, [], ["here"]])
    assert expects.eventually(lambda: next(answers), "it came") == ["here"]
    with pytest.raises(ExpectationFailed, match=r"not within 0.05 s; last found: 0"):
        expects.eventually(lambda: 0, "it came", seconds=0.05)


def test_objects_and_archives_in_s3(cloud: Cloud, expects: Expectations) -> None:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        member = tarfile.TarInfo("./xgboost-model")
        member.size = 3
        tar.addfile(member, io.BytesIO(b"abc"))
    uri = cloud.put("expected/models/model.tar.gz", archive.getvalue())
    assert expects.objects(f"s3://{BUCKET}/expected/models/", ["model.tar.gz"]) == [uri]
    assert expects.archive(uri, ["xgboost-model"]) == {"xgboost-model": b"abc"}
    with pytest.raises(ExpectationFailed, match=r"it holds \['xgboost-model'\]"):
        expects.archive(uri, ["other"])
    with pytest.raises(ExpectationFailed, match=rf"s3://{BUCKET}/expected/models/model.tar.gz"):
        expects.objects(f"s3://{BUCKET}/expected/models/", ["output.tar.gz"])
    with pytest.raises(ExpectationFailed, match="there is nothing under it; look with `aws s3 ls"):
        expects.objects(f"s3://{BUCKET}/none/")


def test_captured_records_come_oldest_first(cloud: Cloud) -> None:
    for key, moment in (("b.jsonl", "2026-01-01T00:00:01Z"), ("a.jsonl", "2026-01-01T00:00:02Z")):
        cloud.put(f"ordered/{key}", f'{{"eventMetadata": {{"inferenceTime": "{moment}"}}}}\n')
    cloud.put("ordered/other.txt", "no record")
    records = captured_records(cloud.s3, f"s3://{BUCKET}/ordered/")
    assert [record["eventMetadata"]["inferenceTime"][-2] for record in records] == ["1", "2"]


def test_sketches_are_left_out_of_what_is_shown() -> None:
    kll = {"buckets": [{"count": 1}], "sketch": {"data": [[1]]}}
    features = [{"name": "a", "numerical_statistics": {"mean": 1, "distribution": {"kll": kll}}}, {"name": "b"}]
    shown = without_sketches({"version": 0.0, "features": features})
    assert shown["features"][0]["numerical_statistics"] == {
        "mean": 1,
        "distribution": {"kll": {"buckets": [{"count": 1}]}},
    }
    assert shown["features"][1] == {"name": "b"}
    assert "sketch" in kll


@pytest.mark.parametrize("uri", ["http://bucket/key", "s3:///key", "bucket/key"])
def test_what_is_no_s3_uri_is_refused(uri: str) -> None:
    with pytest.raises(ValueError, match="not an S3 URI"):
        bucket_and_key(uri)
