"""Expectations: what is told when they are met, and the evidence when they are not."""

from __future__ import annotations

import io
import tarfile
import time
from collections.abc import Iterator
from typing import Any

import pytest

from harness.asserts import ExpectationFailed, Expectations
from harness.asserts.monitoring import captured_records, without_sketches
from harness.asserts.objects import bucket_and_key
from tests.conftest import RunningEmulator

BUCKET = "the-bucket"


class Told:
    """As much of a Session as expectations use."""

    def __init__(self, emulator: RunningEmulator | None = None) -> None:
        self.clients = {name: emulator.client(name) for name in ("s3", "logs", "sagemaker")} if emulator else {}
        self.told: list[tuple[str, bool]] = []
        self.patience = 0.6
        self.shown: list[tuple[str, str, dict[str, Any]]] = []

    def client(self, service: str) -> Any:
        return self.clients[service]

    def expected(self, text: str, passed: bool, evidence: str) -> None:
        assert passed or evidence
        self.told.append((text, passed))

    def show(self, kind: str, title: str, **content: Any) -> None:
        self.shown.append((kind, title, content))


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def expect(told: Told) -> Expectations:
    return Expectations(told)  # type: ignore[arg-type]


@pytest.fixture
def stored(emulator: RunningEmulator) -> Iterator[Told]:
    told = Told(emulator)
    told.clients["s3"].create_bucket(Bucket=BUCKET)
    yield told
    for client in told.clients.values():
        client.close()


def test_a_met_expectation_is_told_and_an_unmet_one_ends_with_its_evidence(told: Told, expect: Expectations) -> None:
    expect.equal(1, 1, "one is one")
    with pytest.raises(ExpectationFailed, match=r"expected: two is one\nexpected 1\nfound    2"):
        expect.equal(2, 1, "two is one")
    assert told.told == [("one is one", True), ("two is one", False)]


def test_a_range_shows_what_was_found(told: Told, expect: Expectations) -> None:
    expect.between(0.7777, 0.7, 0.8, "auc")
    assert told.told == [("auc is between 0.7 and 0.8: 0.7777", True)]
    with pytest.raises(ExpectationFailed, match=r"found 0.9"):
        expect.between(0.9, 0.7, 0.8, "auc")


def test_numbers_are_compared_one_by_one(expect: Expectations) -> None:
    expect.close([1.0, 2.0000001], [1.0, 2.0], "equal")
    with pytest.raises(ExpectationFailed, match=r"1 differ; the first:\n  1: expected 2.0, found 2.1"):
        expect.close([1.0, 2.1], [1.0, 2.0], "equal")
    with pytest.raises(ExpectationFailed, match="1 numbers, 2 expected"):
        expect.close([1.0], [1.0, 2.0], "equal")
    with pytest.raises(ExpectationFailed):
        expect.close([float("nan")], [1.0], "equal")


def test_violations_must_be_exactly_those(expect: Expectations) -> None:
    found = [{"feature_name": "AGE", "constraint_check_type": "baseline_drift_check", "description": "0.6"}]
    expect.violations(found, {("AGE", "baseline_drift_check")}, "the right ones")
    with pytest.raises(ExpectationFailed, match=r"not expected: AGE baseline_drift_check: 0.6"):
        expect.violations(found, set(), "none")
    with pytest.raises(ExpectationFailed, match=r"missing: SEX data_type_check"):
        expect.violations(found, {("AGE", "baseline_drift_check"), ("SEX", "data_type_check")}, "both")


def test_something_may_take_its_time_but_not_for_ever(expect: Expectations) -> None:
    answers = iter([None, [], ["here"]])
    assert expect.eventually(lambda: next(answers), "it came") == ["here"]
    with pytest.raises(ExpectationFailed, match=r"not within 0.05 s; last found: 0"):
        expect.eventually(lambda: 0, "it came", seconds=0.05)


def test_objects_and_archives_in_s3(stored: Told) -> None:
    expect = Expectations(stored)  # type: ignore[arg-type]
    s3 = stored.clients["s3"]
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        member = tarfile.TarInfo("./xgboost-model")
        member.size = 3
        tar.addfile(member, io.BytesIO(b"abc"))
    s3.put_object(Bucket=BUCKET, Key="models/model.tar.gz", Body=archive.getvalue())
    uri = f"s3://{BUCKET}/models/model.tar.gz"
    assert expect.objects(f"s3://{BUCKET}/models/", ["model.tar.gz"]) == [uri]
    assert expect.archive(uri, ["xgboost-model"]) == {"xgboost-model": b"abc"}
    with pytest.raises(ExpectationFailed, match=r"it holds \['xgboost-model'\]"):
        expect.archive(uri, ["other"])
    with pytest.raises(ExpectationFailed, match=rf"s3://{BUCKET}/models/model.tar.gz"):
        expect.objects(f"s3://{BUCKET}/models/", ["output.tar.gz"])
    with pytest.raises(ExpectationFailed, match="nothing lies under it; look with `aws s3 ls"):
        expect.objects(f"s3://{BUCKET}/none/")


def test_a_failed_job_is_told_with_its_reason_and_its_log(stored: Told) -> None:
    class Described:
        def describe_training_job(self, **_: str) -> dict[str, Any]:
            return {"TrainingJobStatus": "Failed", "FailureReason": "AlgorithmError: no"}

    logs = stored.clients["logs"]
    group, stream = "/aws/sagemaker/TrainingJobs", "job-1/algo-1"
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName=stream)
    events = [{"timestamp": int(time.time() * 1000), "message": "it went wrong here"}]
    logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)
    stored.clients["sagemaker"].close()
    stored.clients["sagemaker"] = Described()
    stored.clients["sagemaker"].close = lambda: None
    expect = Expectations(stored)  # type: ignore[arg-type]
    with pytest.raises(ExpectationFailed) as failed:
        expect.completed("TrainingJob", "job-1")
    for text in ("found Failed: AlgorithmError: no", "  | it went wrong here", "more: harness logs job-1"):
        assert text in str(failed.value)


def test_captured_records_come_oldest_first(stored: Told) -> None:
    s3 = stored.clients["s3"]
    for key, moment in (("b.jsonl", "2026-01-01T00:00:01Z"), ("a.jsonl", "2026-01-01T00:00:02Z")):
        s3.put_object(
            Bucket=BUCKET, Key=f"capture/{key}", Body=f'{{"eventMetadata": {{"inferenceTime": "{moment}"}}}}\n'
        )
    s3.put_object(Bucket=BUCKET, Key="capture/other.txt", Body="no record")
    records = captured_records(s3, f"s3://{BUCKET}/capture/")
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
