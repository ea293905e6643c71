"""What is collected of the things a run created, through the real API."""

from __future__ import annotations

import boto3

from harness.scenario.evidence import ResourceWatcher, metric_curves
from tests.cloud import eventually
from tests.conftest import RunningEmulator

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.0-5"
ROLE = "arn:aws:iam::123456789012:role/R"


def test_curves_are_read_by_the_jobs_own_expressions() -> None:
    definitions = [
        {"Name": "validation:auc", "Regex": "validation-auc:([0-9.]+)"},
        {"Name": "once", "Regex": "last (.*)"},
    ]
    lines = ["[0]\tvalidation-auc:0.7", "noise", "[1]\tvalidation-auc:0.75", "last 3"]
    description = {"AlgorithmSpecification": {"MetricDefinitions": definitions}}
    assert metric_curves(description, lines) == {"validation:auc": [0.7, 0.75]}
    assert metric_curves({}, lines) == {}


def test_what_a_session_created_is_described_and_what_is_gone_is_left_out(emulator: RunningEmulator) -> None:
    session = boto3.Session(aws_access_key_id="a", aws_secret_access_key="b", region_name="us-east-1")
    watcher = ResourceWatcher(session, lambda creation, config: None)
    sagemaker = session.client("sagemaker", endpoint_url=emulator.address)
    s3 = session.client("s3", endpoint_url=emulator.address)
    s3.create_bucket(Bucket="the-bucket")
    s3.put_object(Bucket="the-bucket", Key="model.tar.gz", Body=b"no archive")
    container = {"Image": IMAGE, "ModelDataUrl": "s3://the-bucket/model.tar.gz"}
    sagemaker.create_model(ModelName="m", PrimaryContainer=container, ExecutionRoleArn=ROLE)
    variant = {"VariantName": "v", "ModelName": "m", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    sagemaker.create_endpoint_config(EndpointConfigName="c", ProductionVariants=[variant])
    for name in ("kept", "deleted"):
        sagemaker.create_endpoint(EndpointName=name, EndpointConfigName="c")
    for name in ("kept", "deleted"):
        eventually(lambda name=name: sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"] == "Failed")
    with_waiting = sagemaker.get_waiter("endpoint_deleted")
    sagemaker.delete_endpoint(EndpointName="deleted")
    with_waiting.wait(EndpointName="deleted", WaiterConfig={"Delay": 1, "MaxAttempts": 40})
    clients = {"sagemaker": sagemaker, "logs": session.client("logs", endpoint_url=emulator.address)}
    (evidence,) = watcher.collect(clients.__getitem__)
    assert (evidence.kind, evidence.title) == ("Endpoint", "kept")
    assert evidence.content["description"]["EndpointConfigName"] == "c"
    assert "ResponseMetadata" not in evidence.content["description"]
    sagemaker.delete_endpoint(EndpointName="kept")
    for client in (sagemaker, s3, *clients.values()):
        client.close()
