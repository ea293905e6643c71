"""Faults on purpose: what a client meets, for how long, and whom it does not concern."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from multidict import CIMultiDict

from harness.kernel.http import Request, Response
from harness.scenario.faults import FaultRefused, Faults, FaultsNeedEmulator
from tests.admin import ask_admin, emulator_access

ONE, OTHER = "111111111111", "222222222222"
IDENTITY = b"<R><GetCallerIdentityResult><Account>1</Account></GetCallerIdentityResult></R>"
ONCE = {"total_max_attempts": 1, "mode": "standard"}


@pytest.fixture
def listing(served: Any) -> Any:
    served.operations["sagemaker", "ListTrainingJobs"] = lambda scope, request: {"TrainingJobSummaries": []}
    return served


@pytest.fixture
def faults(served: Any) -> Faults:
    return Faults(emulator_access(served), ONE, "us-east-1")


def code_of(call: Callable[..., Any], **request: Any) -> tuple[str, int]:
    """``("", 200)`` when the call is answered well."""
    try:
        call(**request)
    except ClientError as error:
        return error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]
    return "", 200


def test_the_next_call_is_throttled_and_the_one_after_not(listing: Any, faults: Faults) -> None:
    client = listing.client("sagemaker", ONE, retries=ONCE)
    faults.throttle("ListTrainingJobs")
    assert [fault["operation"] for fault in faults.list()] == ["ListTrainingJobs"]
    assert code_of(client.list_training_jobs) == ("ThrottlingException", 400)
    assert code_of(client.list_training_jobs) == ("", 200)
    assert faults.list() == []


def test_botocore_copes_with_a_throttled_call_by_itself(listing: Any, faults: Faults) -> None:
    faults.throttle("ListTrainingJobs", times=2)
    answer = listing.client("sagemaker", ONE).list_training_jobs()
    assert answer["ResponseMetadata"]["RetryAttempts"] == 2


def test_a_fault_is_of_its_account_and_operation(listing: Any, faults: Faults) -> None:
    faults.throttle("DescribeTrainingJob", times=None)
    faults.throttle("ListTrainingJobs", times=None)
    assert code_of(listing.client("sagemaker", OTHER, retries=ONCE).list_training_jobs) == ("", 200)
    client = listing.client("sagemaker", ONE, retries=ONCE)
    for _ in range(3):
        assert code_of(client.list_training_jobs)[0] == "ThrottlingException"
    Faults(emulator_access(listing), OTHER, "us-east-1").clear()
    assert len(faults.list()) == 2
    faults.clear()
    assert code_of(client.list_training_jobs) == ("", 200)


def test_modelled_errors_have_the_status_and_words_of_the_model(listing: Any, faults: Faults) -> None:
    client = listing.client("sagemaker", ONE, retries=ONCE)
    faults.error("CreateTrainingJob", "ResourceLimitExceeded", "The account-level service limit is 0 Instances")
    with pytest.raises(client.exceptions.ResourceLimitExceeded, match="service limit is 0 Instances"):
        client.create_training_job(
            TrainingJobName="job",
            RoleArn="arn:aws:iam::111111111111:role/Role",
            OutputDataConfig={"S3OutputPath": "s3://bucket"},
        )
    faults.error("ListTrainingJobs", "ServiceUnavailable")
    assert code_of(client.list_training_jobs) == ("ServiceUnavailable", 503)
    faults.error("InvokeEndpoint", "InternalDependencyException", service="sagemaker-runtime")
    runtime = listing.client("sagemaker-runtime", ONE, retries=ONCE)
    assert code_of(runtime.invoke_endpoint, EndpointName="e", Body=b"1") == ("InternalDependencyException", 530)


def test_s3_tells_to_slow_down_by_operation_bucket_and_key(served: Any, faults: Faults) -> None:
    s3 = served.client("s3", ONE, retries=ONCE)
    faults.s3_slow_down(operation="PutObject", bucket="one", key="models/")
    assert code_of(s3.put_object, Bucket="one", Key="other/a", Body=b"1") == ("", 200)
    assert code_of(s3.put_object, Bucket="two", Key="models/a", Body=b"1") == ("", 200)
    assert code_of(s3.head_object, Bucket="one", Key="models/a") == ("", 200)
    assert code_of(s3.put_object, Bucket="one", Key="models/a", Body=b"1" * 100_000) == ("SlowDown", 503)
    # The refused body was never sent: the next request must not be taken for it.
    assert code_of(s3.put_object, Bucket="one", Key="models/a", Body=b"1" * 100_000) == ("", 200)
    assert served.backend.received >= 100_000


@pytest.mark.parametrize(
    ("operation", "call", "request_"),
    [
        ("GetObject", "get_object", {"Bucket": "b", "Key": "k/e y"}),
        ("DeleteObject", "delete_object", {"Bucket": "b", "Key": "k"}),
        ("CopyObject", "copy_object", {"Bucket": "b", "Key": "k", "CopySource": "b/other"}),
        ("CreateMultipartUpload", "create_multipart_upload", {"Bucket": "b", "Key": "k"}),
        ("UploadPart", "upload_part", {"Bucket": "b", "Key": "k", "UploadId": "u", "PartNumber": 1, "Body": b"1"}),
        ("AbortMultipartUpload", "abort_multipart_upload", {"Bucket": "b", "Key": "k", "UploadId": "u"}),
        ("ListParts", "list_parts", {"Bucket": "b", "Key": "k", "UploadId": "u"}),
        ("ListObjectsV2", "list_objects_v2", {"Bucket": "b", "Prefix": "k"}),
        ("ListObjects", "list_objects", {"Bucket": "b", "Prefix": "k"}),
        ("DeleteObjects", "delete_objects", {"Bucket": "b", "Delete": {"Objects": [{"Key": "k"}]}}),
        ("CreateBucket", "create_bucket", {"Bucket": "b"}),
        ("DeleteBucket", "delete_bucket", {"Bucket": "b"}),
        ("ListBuckets", "list_buckets", {}),
        ("GetBucketLocation", "get_bucket_location", {"Bucket": "b"}),
    ],
)
def test_s3_operations_are_told_apart(
    served: Any, faults: Faults, operation: str, call: str, request_: dict[str, Any]
) -> None:
    s3 = served.client("s3", ONE, retries=ONCE)
    faults.error(operation, "AccessDenied", service="s3", status=403)
    assert code_of(getattr(s3, call), **request_) == ("AccessDenied", 403)
    # And not of a sub-resource of the same place.
    assert faults.list() == []
    faults.error("GetObject", "AccessDenied", service="s3", status=403)
    assert code_of(s3.get_object_tagging, Bucket="b", Key="k")[0] != "AccessDenied"
    assert len(faults.list()) == 1


def test_s3_crawls_both_ways(served: Any, faults: Faults) -> None:
    def answer(request: Request) -> Response:
        async def chunks() -> AsyncIterator[bytes]:
            yield b"x" * 30_000

        return Response(200, CIMultiDict({"Content-Length": "30000"}), chunks())

    s3 = served.client("s3", ONE, retries=ONCE)
    faults.slow_s3(bytes_per_second=60_000)
    begun = time.monotonic()
    s3.put_object(Bucket="b", Key="k", Body=b"x" * 30_000)
    assert 0.4 < time.monotonic() - begun < 10
    served.backend.answer = answer
    begun = time.monotonic()
    body = s3.get_object(Bucket="b", Key="k")["Body"].read()
    assert 0.4 < time.monotonic() - begun < 10
    assert len(body) == 30_000
    served.backend.answer = lambda request: Response(200, CIMultiDict(), b"y" * 30_000)
    begun = time.monotonic()
    assert len(s3.get_object(Bucket="b", Key="k")["Body"].read()) == 30_000
    assert 0.4 < time.monotonic() - begun < 10


def test_any_service_may_be_late(listing: Any, served: Any) -> None:
    ask(served, "POST", {"kind": "slow", "operation": "ListTrainingJobs", "seconds": 0.5, "times": 1})
    client = listing.client("sagemaker", OTHER, retries=ONCE)
    begun = time.monotonic()
    client.list_training_jobs()
    assert time.monotonic() - begun > 0.45
    assert ask(served, "GET")["faults"] == []


def test_query_services_are_throttled_by_their_action(served: Any, faults: Faults) -> None:
    served.backend.answer = lambda request: Response(200, CIMultiDict({"Content-Type": "text/xml"}), IDENTITY)
    faults.throttle("AssumeRole", service="sts")
    sts = served.client("sts", ONE, retries=ONCE)
    assert code_of(sts.get_caller_identity) == ("", 200)
    role = {"RoleArn": "arn:aws:iam::111111111111:role/Role", "RoleSessionName": "name"}
    assert code_of(sts.assume_role, **role) == ("Throttling", 400)
    logs = served.client("logs", ONE, retries=ONCE)
    faults.throttle("DescribeLogGroups", service="logs")
    assert code_of(logs.describe_log_groups) == ("ThrottlingException", 400)


def test_what_was_injected_is_told(listing: Any, served: Any, faults: Faults) -> None:
    faults.throttle("ListTrainingJobs", times=2)
    code_of(listing.client("sagemaker", ONE, retries=ONCE).list_training_jobs)
    told = ask_admin(served.address, served.state, "coverage")
    assert told["faults"] == {"waiting": 1, "injected": {"sagemaker ListTrainingJobs throttle": 1}}
    # An injected answer is not a call that was served.
    assert told["services"]["sagemaker"]["calls"] == {}
    lines = [json.loads(line) for line in (served.state / "emulator.log").read_text().splitlines()]
    assert [line["injected"] for line in lines if "injected" in line] == ["fault-1"]


def test_a_reset_forgets_them(listing: Any, served: Any, faults: Faults) -> None:
    faults.throttle("ListTrainingJobs", times=None)
    ask_admin(served.address, served.state, "reset", b"")
    assert faults.list() == []


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ({}, "there is no kind of fault None; there are: throttle"),
        ({"kind": "explode"}, "there is no kind of fault 'explode'"),
        ({"kind": "throttle", "operation": "CreateTraningJob"}, "did you mean CreateTrainingJob"),
        ({"kind": "throttle", "operation": "PutObjects", "service": "s3"}, "did you mean PutObject"),
        ({"kind": "throttle", "service": "lambda"}, "no faults for 'lambda'"),
        ({"kind": "throttle", "service": "monitoring"}, "no faults for 'monitoring'"),
        ({"kind": "throttle", "times": 0}, "'times' cannot be 0"),
        ({"kind": "throttle", "times": True}, "'times' cannot be True"),
        ({"kind": "throttle", "seconds": 1}, "has no 'seconds'"),
        ({"kind": "throttle", "bucket": "b"}, "'bucket' and 'key' are for s3"),
        ({"kind": "slow", "service": "s3"}, "say how slow"),
        ({"kind": "slow", "seconds": -1}, "'seconds' cannot be -1"),
        ({"kind": "slow", "bytes_per_second": 5}, "'bytes_per_second' is for s3"),
        ({"kind": "error", "operation": "CreateTrainingJob"}, "say which error"),
        ({"kind": "error", "operation": "CreateTrainingJob", "code": "NoSuchThing"}, "ResourceLimitExceeded"),
        ({"kind": "error", "code": "ServiceUnavailable", "status": 200}, "'status' 200 is no error's"),
        ({"kind": "kill-server", "endpoint": "none"}, "no model server of endpoint 'none' runs in account"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(served: Any, fault: dict[str, Any], told: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        ask(served, "POST", fault)
    with refused.value as answer:
        assert answer.code == 400
        assert told in json.load(answer)["message"]
    assert ask(served, "GET")["faults"] == []


def test_the_client_side_refuses_in_the_same_words(faults: Faults) -> None:
    with pytest.raises(FaultRefused, match="did you mean CreateTrainingJob"):
        faults.throttle("CreateTrainingJobs")


def test_without_an_emulator_there_are_no_faults() -> None:
    nowhere = Faults(None, ONE, "us-east-1")
    for asked in (lambda: nowhere.throttle("CreateTrainingJob"), nowhere.list, lambda: nowhere.interrupt("job")):
        with pytest.raises(FaultsNeedEmulator, match="faults need the emulator"):
            asked()
    nowhere.clear()


def ask(served: Any, method: str, document: Any = None) -> Any:
    return ask_admin(served.address, served.state, "faults", document, method)
