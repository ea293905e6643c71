"""Endpoints through boto3: their servers, their life cycle, and what becomes of servers that die."""

from __future__ import annotations

import os
import re
import signal
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.cloud import BUCKET, XGBOOST, Cloud, eventually
from tests.hosting import SERVER, Hosting, archive
from tests.processes import servers_of

pytestmark = pytest.mark.provenance("assumed", source="harness's own behaviour")


@pytest.fixture
def marked(cloud: Cloud) -> tuple[str, str]:
    """``(file, uri)``: a model archive with a file that no other model has."""
    file = f"weights-{uuid.uuid4().hex}"
    return file, cloud.put(f"{file}/model.tar.gz", archive({file: "1", "code/more": "2"}))


@pytest.mark.provenance("documented", source="Developer guide: Use your own inference code with hosting services")
@pytest.mark.needs("namespaces")
def test_every_instance_is_a_process_of_its_own_that_sees_the_extracted_model(
    hosting: Hosting, marked: tuple[str, str]
) -> None:
    file, uri = marked
    model = hosting.model(uri, ANSWER="facts")
    one = hosting.serve(hosting.variant(model, "a", count=2), hosting.variant(model, "b"))
    two = hosting.serve(hosting.variant(model))
    assert len(servers_of(file)) == 4
    facts = hosting.facts(two)
    assert facts["files"] == {file: "1", "code/more": "2"}
    hosting.remove(one)
    assert len(servers_of(file)) == 1
    assert hosting.facts(two)["files"] == facts["files"]
    hosting.remove(two)
    assert servers_of(file) == []


@pytest.mark.provenance("documented", source="Developer guide: Use your own inference code with hosting services")
def test_a_server_is_asked_only_what_the_contract_has(hosting: Hosting, cloud: Cloud) -> None:
    endpoint = hosting.serve(hosting.variant(hosting.model()))
    hosting.invoke(endpoint)
    hosting.remove(endpoint)
    group = f"/aws/sagemaker/Endpoints/{endpoint}"
    [stream] = cloud.logs.describe_log_streams(logGroupName=group)["logStreams"]
    assert stream["logStreamName"].startswith("AllTraffic/i-")
    events = cloud.logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"], startFromHead=True)
    asked = {event["message"] for event in events["events"]}
    assert asked == {"GET /ping", "POST /invocations 3"}


@pytest.mark.provenance("documented", source="Developer guide: Log Amazon SageMaker events with Amazon CloudWatch")
def test_the_log_group_is_there_while_the_endpoint_is_created(hosting: Hosting, cloud: Cloud) -> None:
    endpoint = hosting.begin(hosting.variant(hosting.model(PING="503")))
    group = f"/aws/sagemaker/Endpoints/{endpoint}"
    eventually(lambda: cloud.logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"], 5)
    assert hosting.sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointStatus"] == "Creating"
    with pytest.raises(ClientError, match="Cannot update in-progress endpoint"):
        hosting.sagemaker.delete_endpoint(EndpointName=endpoint)
    with pytest.raises(ClientError, match=f"Endpoint {endpoint} of account 123456789012 not found"):
        hosting.invoke(endpoint)


@pytest.mark.provenance("documented", source="API reference: DescribeEndpoint")
def test_describe_says_what_runs(hosting: Hosting) -> None:
    model = hosting.model()
    endpoint = hosting.serve(hosting.variant(model, "a", 3.0, count=2), hosting.variant(model, "b"))
    found = hosting.sagemaker.describe_endpoint(EndpointName=endpoint)
    assert found["EndpointArn"] == f"arn:aws:sagemaker:us-east-1:123456789012:endpoint/{endpoint}"
    assert "FailureReason" not in found
    assert "DataCaptureConfig" not in found
    first, second = found["ProductionVariants"]
    assert [first[member] for member in ("VariantName", "CurrentWeight", "DesiredWeight")] == ["a", 3.0, 3.0]
    assert [first["CurrentInstanceCount"], first["DesiredInstanceCount"]] == [2, 2]
    [deployed] = second["DeployedImages"]
    assert deployed["SpecifiedImage"].endswith("/model-server:1")
    assert re.fullmatch(r".*/model-server@sha256:[0-9a-f]{64}", deployed["ResolvedImage"])
    hosting.remove(endpoint)


@pytest.mark.provenance("documented", source="Developer guide: Troubleshoot Amazon SageMaker model deployments")
@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({"PING": "500"}, "/ping: 500"),
        ({"PING": "exit"}, "the server gives up"),
        ({"START_WITH": "no such weights"}, "no such weights"),
    ],
)
def test_a_server_that_fails_its_ping_fails_the_endpoint(
    hosting: Hosting, environment: dict[str, str], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.engine.hosting.model_servers.REFUSAL_PATIENCE", 0.5)
    endpoint = hosting.begin(hosting.variant(hosting.model(**environment), "blue"))
    found = hosting.settled(endpoint, 15)
    assert found["EndpointStatus"] == "Failed"
    documented = (
        "The primary container for production variant blue did not pass the ping health check. "
        "Please check CloudWatch logs for this endpoint."
    )
    assert found["FailureReason"].startswith(documented)
    assert told in found["FailureReason"]
    with pytest.raises(ClientError, match="not found"):
        hosting.invoke(endpoint)
    hosting.remove(endpoint)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"no archive at all", "is not a tar.gz archive"),
        (archive({}), "holds no file"),
        (archive({"../outside": "x"}), "outside its own folder"),
        (archive({"/etc/outside": "x"}), "outside its own folder"),
        (None, "Failed to download model data from"),
    ],
    ids=["junk", "empty", "climbing", "absolute", "missing"],
)
def test_a_bad_model_archive_fails_the_endpoint(hosting: Hosting, cloud: Cloud, data: bytes | None, told: str) -> None:
    key = f"{cloud.name('bad')}/model.tar.gz"
    uri = cloud.put(key, data) if data is not None else f"s3://the-bucket/{key}"
    endpoint = hosting.begin(hosting.variant(hosting.model(uri)))
    found = hosting.settled(endpoint)
    assert found["EndpointStatus"] == "Failed"
    assert told in found["FailureReason"]
    assert uri in found["FailureReason"]
    hosting.remove(endpoint)


def test_a_model_archive_without_a_model_fails_the_ping(
    hosting: Hosting, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.engine.hosting.model_servers.REFUSAL_PATIENCE", 0.5)
    uri = cloud.put(f"{cloud.name('bad')}/model.tar.gz", archive({"readme.txt": "no model here"}))
    endpoint = hosting.begin(hosting.variant(hosting.model(uri, image=XGBOOST)))
    found = hosting.settled(endpoint)
    assert found["EndpointStatus"] == "Failed", found
    assert "did not pass the ping health check" in found["FailureReason"]
    assert "XGB load model error" in found["FailureReason"]
    assert "libxgboost.so" not in found["FailureReason"]
    hosting.remove(endpoint)


def test_a_failed_endpoint_leaves_no_server(hosting: Hosting, marked: tuple[str, str]) -> None:
    file, uri = marked
    good, bad = hosting.model(uri), hosting.model(PING="exit")
    endpoint = hosting.begin(hosting.variant(good, "good", count=2), hosting.variant(bad, "bad"))
    assert hosting.settled(endpoint)["EndpointStatus"] == "Failed"
    assert servers_of(file) == []
    hosting.remove(endpoint)


@pytest.mark.needs("namespaces")
def test_a_killed_server_shows_is_replaced_and_reported(
    hosting: Hosting, cloud: Cloud, marked: tuple[str, str]
) -> None:
    file, uri = marked
    model = hosting.model(uri)
    endpoint = hosting.serve(hosting.variant(model))
    hosting.invoke(endpoint)
    hosting.sagemaker.delete_model(ModelName=model)  # the endpoint keeps what it was made of
    [pid] = servers_of(file)
    os.kill(pid, signal.SIGKILL)
    errors: list[dict[str, Any]] = []

    def works() -> bool:
        try:
            hosting.invoke(endpoint)
        except hosting.runtime.exceptions.ModelError as error:
            errors.append(error.response)
            return False
        return bool(errors)

    eventually(works, 20)
    assert errors[0]["Error"]["Code"] == "ModelError"
    assert errors[0]["OriginalStatusCode"] in (0, 503)
    [other] = servers_of(file)
    assert other != pid
    assert hosting.sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointStatus"] == "InService"
    assert any("ended with code 137; starting another" in line for line in lines_of(cloud, endpoint))
    hosting.remove(endpoint)


@pytest.mark.needs("namespaces")
def test_the_other_instances_answer_while_one_is_replaced(
    hosting: Hosting, cloud: Cloud, marked: tuple[str, str]
) -> None:
    file, uri = marked
    endpoint = hosting.serve(hosting.variant(hosting.model(uri), count=2))
    dead, other = servers_of(file)
    os.kill(dead, signal.SIGKILL)
    eventually(lambda: any("starting another" in line for line in lines_of(cloud, endpoint)))
    eventually(lambda: len(servers_of(file)) == 2)
    for _ in range(8):
        hosting.invoke(endpoint)
    assert dead not in servers_of(file)
    assert other in servers_of(file)
    hosting.remove(endpoint)


@pytest.mark.needs("namespaces")
def test_a_server_that_cannot_be_replaced_fails_the_endpoint_and_ends_all_of_it(
    hosting: Hosting, cloud: Cloud, marked: tuple[str, str]
) -> None:
    file, uri = marked
    lost = cloud.put(f"{file}/lost.tar.gz", archive({f"{file}-lost": "1"}))
    endpoint = hosting.serve(hosting.variant(hosting.model(uri), "kept"), hosting.variant(hosting.model(lost), "lost"))
    cloud.s3.delete_object(Bucket=BUCKET, Key=f"{file}/lost.tar.gz")
    [pid] = servers_of(f"{file}-lost")
    os.kill(pid, signal.SIGKILL)
    found = eventually(lambda: not_in_service(hosting, endpoint))
    assert found["EndpointStatus"] == "Failed"
    assert "Failed to download model data" in found["FailureReason"]
    eventually(lambda: not servers_of(file))
    hosting.remove(endpoint)


@pytest.mark.needs("namespaces")
def test_an_instance_that_cannot_be_replaced_is_tried_again_while_others_serve(
    hosting: Hosting, cloud: Cloud, marked: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.engine.hosting.endpoints.RETRY_PAUSE", 0.3)
    file, _ = marked
    key, data = f"{file}/again.tar.gz", archive({f"{file}-again": "1"})
    endpoint = hosting.serve(hosting.variant(hosting.model(cloud.put(key, data)), count=2))
    cloud.s3.delete_object(Bucket=BUCKET, Key=key)
    os.kill(servers_of(f"{file}-again")[0], signal.SIGKILL)
    eventually(lambda: sum("Failed to download model data" in line for line in lines_of(cloud, endpoint)) > 1)
    hosting.invoke(endpoint)
    cloud.put(key, data)
    eventually(lambda: len(servers_of(f"{file}-again")) == 2)
    assert hosting.sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointStatus"] == "InService"
    hosting.remove(endpoint)


def not_in_service(hosting: Hosting, endpoint: str) -> dict[str, Any] | None:
    found: dict[str, Any] = hosting.sagemaker.describe_endpoint(EndpointName=endpoint)
    return found if found["EndpointStatus"] != "InService" else None


@pytest.mark.needs("namespaces")
def test_a_death_in_the_middle_of_an_update_keeps_no_other_endpoint_waiting(
    hosting: Hosting, marked: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.engine.hosting.endpoints.WATCH_INTERVAL", 0.005)
    monkeypatch.setattr("harness.engine.hosting.model_servers.REFUSAL_PATIENCE", 3.0)
    file, uri = marked
    endpoint = hosting.serve(hosting.variant(hosting.model(uri)))
    never = hosting.config(hosting.variant(hosting.model(PING="500")))
    hosting.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=never)
    [pid] = servers_of(file)
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: not servers_of(file))
    for _ in range(50):  # the watch looks many times meanwhile
        with pytest.raises(hosting.runtime.exceptions.ModelError):
            hosting.invoke(endpoint)
    other = hosting.serve(hosting.variant(hosting.model()))
    assert hosting.sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointStatus"] == "Updating"
    assert "did not pass the ping health check" in hosting.settled(endpoint)["FailureReason"]
    eventually(lambda: servers_of(file))  # what served before, started anew
    hosting.remove(endpoint, other)


def lines_of(cloud: Cloud, endpoint: str) -> list[str]:
    events = cloud.logs.filter_log_events(logGroupName=f"/aws/sagemaker/Endpoints/{endpoint}")["events"]
    return [event["message"] for event in events]


@pytest.mark.provenance("documented", source="API reference: DeleteEndpointConfig and DeleteModel")
def test_an_endpoint_outlives_its_configuration_and_its_model(hosting: Hosting) -> None:
    model = hosting.model()
    endpoint = hosting.serve(hosting.variant(model))
    config = hosting.sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointConfigName"]
    hosting.sagemaker.delete_endpoint_config(EndpointConfigName=config)
    hosting.sagemaker.delete_model(ModelName=model)
    assert hosting.invoke(endpoint)["Body"] == b"1,2"
    hosting.remove(endpoint)


def test_a_name_is_free_again_once_its_endpoint_is_gone(hosting: Hosting) -> None:
    endpoint = hosting.serve(hosting.variant(hosting.model()))
    config = hosting.sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointConfigName"]
    with pytest.raises(ClientError, match="Cannot create already existing endpoint"):
        hosting.sagemaker.create_endpoint(EndpointName=endpoint.upper(), EndpointConfigName=config)
    hosting.remove(endpoint)
    hosting.sagemaker.create_endpoint(EndpointName=endpoint, EndpointConfigName=config)
    assert hosting.settled(endpoint)["EndpointStatus"] == "InService"
    hosting.remove(endpoint)


@pytest.mark.provenance("documented", source="API reference: S3ModelDataSource")
@pytest.mark.parametrize(
    ("key", "file"), [("a/../../../../planted", ""), ("n" * 256, ""), ("/etc/planted", "etc/planted")]
)
def test_a_model_of_objects_is_written_below_its_own_folder(
    hosting: Hosting, cloud: Cloud, key: str, file: str
) -> None:
    prefix = f"{cloud.name('model')}/"
    cloud.put(prefix + "ok", "x")
    cloud.put(prefix + key, "planted")
    location = {"S3Uri": f"s3://{BUCKET}/{prefix}", "S3DataType": "S3Prefix", "CompressionType": "None"}
    model = hosting.model_of({"Image": SERVER, "ModelDataSource": {"S3DataSource": location}})
    endpoint = hosting.begin(hosting.variant(model))
    settled = hosting.settled(endpoint)
    planted = [path.as_posix() for path in cloud.state.parent.rglob("planted")]
    if file:
        assert settled["EndpointStatus"] == "InService"
        assert [path.partition("/ml/model/")[2] for path in planted] == [file]
    else:
        assert planted == []
        assert "ClientError: Failed to download model data" in settled["FailureReason"]
        assert "cannot be a file here" in settled["FailureReason"]
