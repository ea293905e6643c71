"""LocalStack's services at the emulator's one address: what passes through untouched, and whose account it is."""

from __future__ import annotations

import hashlib
import http.client
import itertools
import resource
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from harness.stores.credentials import read_client_secret
from tests.admin import ask_admin
from tests.aws.remote.conftest import HOME
from tests.cloud import BUCKET, Cloud, eventually

pytestmark = pytest.mark.needs("localstack")
ODD = "a folder/ü+1 (x)~'!$&=@:,;%41//k.txt"
SIGNED = {
    "Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, "
    "Signature=0"
}
MEGABYTE = 1024 * 1024
BIG = 400


def client(address: str, service: str, key: str = "test", token: str | None = None, secret: str = "test") -> Any:
    keys = {"aws_access_key_id": key, "aws_secret_access_key": secret, "aws_session_token": token}
    config = Config(retries={"total_max_attempts": 1})
    return boto3.client(service, endpoint_url=address, region_name="us-east-1", config=config, **keys)


def test_objects_are_the_same_on_both_addresses(cloud: Cloud, localstack: str) -> None:
    there = client(localstack, "s3")
    cloud.s3.put_object(Bucket=BUCKET, Key=ODD, Body=b"ours", Metadata={"a": "1"}, ContentType="text/x")
    got = there.get_object(Bucket=BUCKET, Key=ODD)
    assert (got["Body"].read(), got["Metadata"], got["ContentType"]) == (b"ours", {"a": "1"}, "text/x")
    there.put_object(Bucket=BUCKET, Key=ODD, Body=b"theirs" * 50_000)
    got = cloud.s3.get_object(Bucket=BUCKET, Key=ODD, Range="bytes=6-11")
    assert (got["Body"].read(), got["ContentRange"]) == (b"theirs", "bytes 6-11/300000")
    assert cloud.s3.head_object(Bucket=BUCKET, Key=ODD)["ContentLength"] == 300_000
    assert BUCKET in [bucket["Name"] for bucket in there.list_buckets()["Buckets"]]
    with pytest.raises(ClientError, match="NoSuchKey"):
        cloud.s3.get_object(Bucket=BUCKET, Key="none")


def test_localstack_client_sees_the_same_buckets(
    cloud: Cloud, localstack: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from localstack_client.session import Session

    cloud.s3.put_object(Bucket=BUCKET, Key="shared", Body=b"1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    straight = Session(localstack_host=urlsplit(localstack).netloc)
    monkeypatch.setenv("AWS_ENDPOINT_URL", cloud.address)  # as in a program under `harness exec`
    for session in (straight, Session()):
        s3 = session.client("s3")
        assert BUCKET in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
        assert s3.get_object(Bucket=BUCKET, Key="shared")["Body"].read() == b"1"
        s3.close()


@pytest.mark.parametrize("signature", ["s3", "s3v4"])
def test_presigned_urls(cloud: Cloud, signature: str) -> None:
    s3 = cloud.client("s3", signature_version=signature)
    asked = {"Bucket": BUCKET, "Key": f"presigned {signature}"}
    put = urllib.request.Request(s3.generate_presigned_url("put_object", asked), data=b"by url", method="PUT")
    put.add_header("Content-Type", "")
    urllib.request.urlopen(put).close()
    with urllib.request.urlopen(s3.generate_presigned_url("get_object", asked)) as got:
        assert got.read() == b"by url"
    s3.close()


def test_without_a_signature_only_public_objects_are_read(cloud: Cloud) -> None:
    for key, acl in (("public", "public-read"), ("private", "private")):
        cloud.s3.put_object(Bucket=BUCKET, Key=key, Body=b"1", ACL=acl)
    with urllib.request.urlopen(f"{cloud.address}/{BUCKET}/public") as got:
        assert got.read() == b"1"
    with pytest.raises(urllib.error.HTTPError, match="403") as refusal:
        urllib.request.urlopen(f"{cloud.address}/{BUCKET}/private")
    refusal.value.close()


def test_a_page_of_another_site_reads_by_the_rules_of_the_bucket(cloud: Cloud) -> None:
    secret = read_client_secret(cloud.state)
    s3 = client(cloud.address, "s3", secret=secret)
    s3.put_object(Bucket=BUCKET, Key="page", Body=b"1")
    rule = {"AllowedOrigins": ["http://page.example"], "AllowedMethods": ["GET"]}
    s3.put_bucket_cors(Bucket=BUCKET, CORSConfiguration={"CORSRules": [rule]})
    url = s3.generate_presigned_url("get_object", {"Bucket": BUCKET, "Key": "page"})
    asked = urllib.request.Request(url, headers={"Origin": "http://page.example", "Sec-Fetch-Site": "cross-site"})
    with urllib.request.urlopen(asked) as got:
        assert (got.read(), got.headers["Access-Control-Allow-Origin"]) == (b"1", "http://page.example")
    s3.delete_bucket_cors(Bucket=BUCKET)
    s3.close()


def test_virtual_hosts(cloud: Cloud) -> None:
    cloud.s3.put_object(Bucket=BUCKET, Key="by host", Body=b"1")
    where = urlsplit(cloud.address)
    asked = http.client.HTTPConnection(where.hostname or "", where.port)
    asked.request("GET", "/by%20host", headers={"Host": f"{BUCKET}.localhost:{where.port}", **SIGNED})
    assert asked.getresponse().read() == b"1"
    asked.close()


def test_aws_chunked_uploads_pass_untouched(cloud: Cloud) -> None:
    data, mark = b"y" * 100_000, ";chunk-signature=" + "0" * 64
    body = b"".join(f"{len(part):x}{mark}\r\n".encode() + part + b"\r\n" for part in (data[:65536], data[65536:]))
    headers = {
        **SIGNED,
        "X-Amz-Content-SHA256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "X-Amz-Decoded-Content-Length": str(len(data)),
        "Content-Encoding": "aws-chunked",
    }
    whole = body + f"0{mark}\r\n\r\n".encode()
    asked = urllib.request.Request(f"{cloud.address}/{BUCKET}/chunked", data=whole, headers=headers, method="PUT")
    urllib.request.urlopen(asked).close()
    assert cloud.s3.get_object(Bucket=BUCKET, Key="chunked")["Body"].read() == data


@pytest.mark.slow
def test_a_big_object_is_never_held_in_memory(cloud: Cloud) -> None:
    """Both ways through this very process, whose largest size is looked at."""
    block = bytes(range(256)) * (MEGABYTE // 256)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    where = urlsplit(cloud.address)
    asked = http.client.HTTPConnection(where.hostname or "", where.port, timeout=60)
    asked.request(
        "PUT", f"/{BUCKET}/big", body=iter([block] * BIG), headers={"Content-Length": str(BIG * MEGABYTE), **SIGNED}
    )
    assert asked.getresponse().read() == b""
    digest, whole = hashlib.md5(), hashlib.md5()
    for each in itertools.repeat(block, BIG):
        whole.update(each)
    asked.request("GET", f"/{BUCKET}/big", headers=SIGNED)
    answer = asked.getresponse()
    while piece := answer.read(MEGABYTE):
        digest.update(piece)
    asked.close()
    assert digest.digest() == whole.digest()
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert grown < 100, f"{grown:.0f} MB"
    cloud.s3.delete_object(Bucket=BUCKET, Key="big")


def test_what_has_no_bucket_is_refused_whole(cloud: Cloud) -> None:
    with pytest.raises(ClientError, match="NoSuchBucket"):
        cloud.s3.put_object(Bucket="no-such-bucket", Key="k", Body=b"x" * 5 * MEGABYTE)


def test_who_asks_is_a_session_of_the_execution_role(cloud: Cloud, localstack: str) -> None:
    told = cloud.client("sts").get_caller_identity()
    assert told["Account"] == HOME
    assert told["Arn"] == f"arn:aws:sts::{HOME}:assumed-role/HarnessExecutionRole/harness"
    role = client(localstack, "iam").get_role(RoleName="HarnessExecutionRole")["Role"]
    assert told["UserId"] == f"{role['RoleId']}:harness"
    assert client(cloud.address, "sts", "111122223333").get_caller_identity()["Account"] == "111122223333"


def test_keys_given_out_are_their_own_account(cloud: Cloud) -> None:
    iam = client(cloud.address, "iam", "444455556666")
    iam.create_user(UserName="somebody")
    made = iam.create_access_key(UserName="somebody")["AccessKey"]
    sts = client(cloud.address, "sts", made["AccessKeyId"], secret=made["SecretAccessKey"])
    told = sts.get_caller_identity()
    assert (told["Account"], told["Arn"]) == ("444455556666", "arn:aws:iam::444455556666:user/somebody")
    role = iam.get_role(RoleName="HarnessExecutionRole")["Role"]["Arn"]
    given = client(cloud.address, "sts", "444455556666").assume_role(RoleArn=role, RoleSessionName="me")["Credentials"]
    keys = (given["AccessKeyId"], given["SessionToken"], given["SecretAccessKey"])
    told = client(cloud.address, "sts", *keys).get_caller_identity()
    assert told["Arn"] == "arn:aws:sts::444455556666:assumed-role/HarnessExecutionRole/me"
    assert client(cloud.address, "sagemaker", *keys).list_training_jobs()["TrainingJobSummaries"] == []


def test_what_localstack_lacks_is_answered_beside_it(cloud: Cloud) -> None:
    made = client(cloud.address, "ecr").create_repository(repositoryName="mine")["repository"]
    assert made["repositoryUri"].startswith(f"{HOME}.dkr.ecr.us-east-1.")
    told = ask_admin(cloud.address, cloud.state, "status")["aws"]
    assert "ecr" in told["by moto"].split(", ")
    assert told["localstack"] == "4.9.2, found running"


def test_sns_and_dynamodb_are_localstacks(cloud: Cloud, localstack: str) -> None:
    """DynamoDB is one of those that embedded moto does not have."""
    topic = client(cloud.address, "sns").create_topic(Name="told")["TopicArn"]
    assert topic in [each["TopicArn"] for each in client(localstack, "sns").list_topics()["Topics"]]
    assert client(cloud.address, "stepfunctions").list_state_machines()["stateMachines"] == []


@pytest.fixture
def job(cloud: Cloud) -> str:
    done = cloud.process("print('one'); print(); print('two')")
    assert done["ProcessingJobStatus"] == "Completed", done.get("FailureReason")
    return str(done["ProcessingJobName"])


def test_streams_of_users_beside_those_of_jobs(cloud: Cloud, localstack: str, job: str) -> None:
    group = "/aws/sagemaker/ProcessingJobs"
    theirs = client(localstack, "logs")
    eventually(lambda: theirs.describe_log_groups(logGroupNamePrefix=group)["logGroups"])  # copied moments later
    theirs.create_log_stream(logGroupName=group, logStreamName=f"{job}/of-a-user")
    named = cloud.logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=job)["logStreams"]
    ours = [each["logStreamName"] for each in named if not each["logStreamName"].endswith("of-a-user")]
    assert len(named) == 2
    assert len(ours) == 1
    assert cloud.log(job)[-3:] == ["one", "", "two"]

    def copied() -> bool:
        found = theirs.filter_log_events(logGroupName=group, logStreamNames=ours)["events"]
        return [event["message"] for event in found][-2:] == ["one", "two"]

    eventually(copied)
    cloud.logs.delete_log_stream(logGroupName=group, logStreamName=ours[0])
    left = theirs.describe_log_streams(logGroupName=group, logStreamNamePrefix=job)["logStreams"]
    assert [each["logStreamName"] for each in left] == [f"{job}/of-a-user"]


def test_job_logs_come_back_to_a_localstack_that_lost_them(cloud: Cloud, localstack: str, job: str) -> None:
    """As after its restart; what was copied before stays away, every later job is there."""
    group = "/aws/sagemaker/ProcessingJobs"
    theirs = client(localstack, "logs")

    def copied(name: str) -> list[str]:
        if not theirs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
            return []
        found = theirs.filter_log_events(logGroupName=group, logStreamNamePrefix=f"{name}/")["events"]
        return [event["message"] for event in found]

    eventually(lambda: copied(job)[-2:] == ["one", "two"])
    theirs.delete_log_group(logGroupName=group)
    assert cloud.log(job)[-3:] == ["one", "", "two"]
    later = cloud.process("print('three')")["ProcessingJobName"]
    eventually(lambda: copied(later)[-1:] == ["three"])
