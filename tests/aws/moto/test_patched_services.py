"""Requests that misuse moto's services against the emulator or against other machines."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from tests.aws.moto.serving import Served

pytestmark = pytest.mark.provenance("documented", source="API references of SQS, EventBridge, ECR and S3")

ENDLESS = "(a+)+$"
NAME = "a" * 60


def test_names_and_patterns_are_no_expressions(served: Served) -> None:
    sqs, events, ecr = served.client("sqs"), served.client("events"), served.client("ecr")
    urls = [sqs.create_queue(QueueName=name)["QueueUrl"] for name in (f"{NAME}-", "b")]
    assert "QueueUrls" not in sqs.list_queues(QueueNamePrefix=ENDLESS)
    assert sqs.list_queues(QueueNamePrefix="a")["QueueUrls"] == urls[:1]
    for name in (f"{NAME}-", "b"):
        events.put_rule(Name=name, EventPattern=json.dumps({"source": [{"wildcard": "*a" * 30 + r"\*b"}]}))
    assert events.list_rules(NamePrefix=ENDLESS)["Rules"] == []
    assert [rule["Name"] for rule in events.list_rules(NamePrefix="b")["Rules"]] == ["b"]
    events.put_events(Entries=[{"Source": "a" * 900, "DetailType": "t", "Detail": "{}"}])
    ecr.create_repository(repositoryName=NAME)
    rules = [{"scanFrequency": "SCAN_ON_PUSH", "repositoryFilters": [{"filter": ENDLESS, "filterType": "WILDCARD"}]}]
    ecr.put_registry_scanning_configuration(scanType="BASIC", rules=rules)
    ecr.batch_get_repository_scanning_configuration(repositoryNames=[NAME])


def test_a_bucket_policy_with_many_wildcards(served: Served) -> None:
    s3 = served.client("s3")
    s3.create_bucket(Bucket="bucket")
    s3.put_object(Bucket="bucket", Key="a" * 900)
    statement = {"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject"}

    def deny(resource: str) -> None:
        policy = {"Version": "2012-10-17", "Statement": {**statement, "Resource": f"arn:aws:s3:::bucket/{resource}"}}
        s3.put_bucket_policy(Bucket="bucket", Policy=json.dumps(policy))

    deny("*a" * 30 + "b")
    assert s3.get_object(Bucket="bucket", Key="a" * 900)["ContentLength"] == 0
    deny("*a" * 30 + "?*")
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.get_object(Bucket="bucket", Key="a" * 900)


@pytest.mark.provenance("assumed", source="harness's own behaviour: it makes no connections for its callers")
def test_topics_deliver_to_queues_only(served: Served) -> None:
    sns = served.client("sns")
    topic = sns.create_topic(Name="topic")["TopicArn"]
    for protocol, endpoint in (("http", "http://127.0.0.1:9/x"), ("https", "https://127.0.0.1:9/x"), ("lambda", "arn")):
        with pytest.raises(ClientError, match=f"does not deliver messages by {protocol}; subscribe a queue"):
            sns.subscribe(TopicArn=topic, Protocol=protocol, Endpoint=endpoint)
    assert sns.list_subscriptions()["Subscriptions"] == []
