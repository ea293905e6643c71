from __future__ import annotations

import pytest

from harness.kernel.arns import arn, parse_arn
from harness.kernel.clock import Clock, iso, utc
from harness.kernel.errors import ApiError, ModelError, StateError, UnsupportedOperation
from harness.kernel.records import Key, Record
from harness.kernel.s3uri import S3Uri


@pytest.mark.parametrize("kind", ["training-job", "processing-job", "transform-job", "model", "endpoint-config"])
def test_an_arn_keeps_the_case_of_a_name_and_is_read_back(kind: str) -> None:
    made = arn(kind, "123456789012", "us-east-1", "My-Job")
    assert made == f"arn:aws:sagemaker:us-east-1:123456789012:{kind}/My-Job"
    assert parse_arn(made) == (kind, "123456789012", "us-east-1", "My-Job")


@pytest.mark.parametrize("kind", ["experiment", "experiment-trial", "experiment-trial-component", "model-package"])
def test_arns_of_what_experiments_keep_are_in_lower_case(kind: str) -> None:
    assert arn(kind, "123456789012", "us-east-1", "My-Run").endswith(f":{kind}/my-run")


@pytest.mark.parametrize("text", ["", "my-job", "arn:aws:s3:::bucket", "arn:aws:sagemaker:us-east-1:1"])
def test_what_is_no_resource_arn_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a resource ARN"):
        parse_arn(text)


@pytest.mark.parametrize(
    ("text", "bucket", "key"),
    [
        ("s3://bucket", "bucket", ""),
        ("s3://bucket/", "bucket", ""),
        ("s3://bucket/a/b.csv", "bucket", "a/b.csv"),
        ("https://s3.us-east-1.amazonaws.com/bucket/a", "bucket", "a"),
        ("https://s3-us-west-2.amazonaws.com/bucket/a/b", "bucket", "a/b"),
        ("https://s3.amazonaws.com/bucket", "bucket", ""),
        ("https://bucket.s3.amazonaws.com/a/b%20c", "bucket", "a/b c"),
        ("https://bucket.s3.us-gov-west-1.amazonaws.com/a", "bucket", "a"),
        ("https://bucket.s3-eu-central-1.amazonaws.com/a", "bucket", "a"),
        ("https://my.s3.bucket.s3.dualstack.us-east-1.amazonaws.com/a", "my.s3.bucket", "a"),
        ("https://bucket.s3.cn-north-1.amazonaws.com.cn/a", "bucket", "a"),
    ],
)
def test_s3_uris(text: str, bucket: str, key: str) -> None:
    assert S3Uri.parse(text) == S3Uri(bucket, key)


@pytest.mark.parametrize(
    "text", ["bucket/key", "s3://", "file:///tmp/x", "", "https://example.com/bucket/key", "https://s3.amazonaws.com/"]
)
def test_what_is_no_s3_uri_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not an S3 URI"):
        S3Uri.parse(text)


def test_joining_s3_uris_drops_empty_parts_and_doubled_slashes() -> None:
    assert str(S3Uri.parse("s3://b/p/").join("/x/", "", "y.csv")) == "s3://b/p/x/y.csv"
    assert str(S3Uri("b").join("x")) == "s3://b/x"
    assert S3Uri.parse("s3://b/p/x.csv").name == "x.csv"


def test_the_clock_goes_forward_only_and_leaves_real_time_alone() -> None:
    clock = Clock()
    start = clock.now()
    clock.advance_to(start + 3600)
    assert clock.now() >= start + 3600
    assert clock.real() < start + 60
    clock.advance_to(start)
    assert clock.now() >= start + 3600
    clock.reset()
    assert clock.offset == 0


def test_times_are_utc() -> None:
    assert iso(0) == "1970-01-01T00:00:00Z"
    assert utc(86400.5).isoformat() == "1970-01-02T00:00:00.500000+00:00"


def test_a_record_describes_itself_as_its_request_under_its_status() -> None:
    record = Record(Key("model", "1", "r", "m"), "arn", spec={"a": 1, "b": 1}, status={"b": 2}, inner={"c": 3})
    assert record.describe() == {"a": 1, "b": 2}
    assert (record.kind, record.name) == ("model", "m")


def test_an_error_is_an_answer_with_code_status_and_members() -> None:
    error = ModelError("no", OriginalStatusCode=500)
    assert isinstance(error, ApiError)
    assert (error.code, error.status, error.message) == ("ModelError", 424, "no")
    assert error.members == {"OriginalStatusCode": 500}
    assert UnsupportedOperation("x").status == 501
    assert not issubclass(StateError, ApiError)
