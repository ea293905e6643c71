"""Endpoints and batch transform in containers."""

from __future__ import annotations

import json
import time
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.cloud import Cloud, eventually
from tests.hosting import Hosting, archive
from tests.runners.docker.conftest import OWN

pytestmark = pytest.mark.needs("docker")


def containers(client: Any, cloud: Cloud) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.containers(filters={"label": f"harness.state={cloud.state}"})
    return found


def model(hosted: Hosting, **more: Any) -> str:
    data = hosted.cloud.put("models/m/model.tar.gz", archive({"weights": "w1"}))
    return hosted.model_of({"Image": OWN, "ModelDataUrl": data, **more.pop("container", {})}, **more)


def test_an_endpoint_of_a_users_own_image(hosted: Hosting) -> None:
    name = hosted.serve(hosted.variant(model(hosted)))
    assert hosted.facts(name, "1,2") == {"body": "1,2", "weights": "w1", "argv": [], "host": "algo-1"}
    hosted.remove(name)


def test_an_isolated_endpoint_with_a_host_name_of_its_own(hosted: Hosting, docker_client: Any) -> None:
    made = model(hosted, container={"ContainerHostname": "mine"}, EnableNetworkIsolation=True)
    name = hosted.serve(hosted.variant(made))
    assert hosted.facts(name, "x")["host"] == "mine"
    (container,) = containers(docker_client, hosted.cloud)
    (door,) = [
        network["IPAM"]["Config"][0]["Gateway"]
        for network in docker_client.networks(filters={"label": f"harness.state={hosted.cloud.state}"})
        if network["Name"].startswith("harness-open-")
    ]
    port = urlsplit(hosted.cloud.address).port
    assert not reaches(docker_client, container["Id"], door, port)
    assert reaches(docker_client, container["Id"], "127.0.0.1", 8080)
    hosted.remove(name)


def reaches(client: Any, container: str, host: str, port: int | None) -> bool:
    code = f"import socket; socket.create_connection(({host!r}, {port}), 2)"
    asked = client.exec_create(container, ["python3", "-c", code])["Id"]
    client.exec_start(asked)
    return bool(client.exec_inspect(asked)["ExitCode"] == 0)


def test_several_instances_and_variants(hosted: Hosting, docker_client: Any) -> None:
    made = model(hosted)
    name = hosted.serve(hosted.variant(made, "one", count=2), hosted.variant(made, "two"))
    assert len(containers(docker_client, hosted.cloud)) == 3
    assert hosted.facts(name, "x", TargetVariant="two")["body"] == "x"
    hosted.remove(name)
    eventually(lambda: not containers(docker_client, hosted.cloud))


def test_a_server_that_is_killed_is_replaced(hosted: Hosting, docker_client: Any) -> None:
    name = hosted.serve(hosted.variant(model(hosted)))
    (before,) = containers(docker_client, hosted.cloud)
    docker_client.kill(before["Id"], "SIGKILL")

    def replaced() -> bool:
        now = containers(docker_client, hosted.cloud)
        return len(now) == 1 and now[0]["Id"] != before["Id"]

    eventually(replaced, 20)

    def answers() -> bool:
        try:
            return bool(hosted.facts(name, "again")["body"] == "again")
        except hosted.runtime.exceptions.ClientError:
            return False

    eventually(answers, 20)
    hosted.remove(name)


def test_a_server_that_never_answers_fails_the_endpoint(hosted: Hosting) -> None:
    name = hosted.begin(hosted.variant(hosted.model_of({"Image": "harness-base:bookworm"})))
    settled = hosted.settled(name)
    assert settled["EndpointStatus"] == "Failed"
    assert "has no 'serve'" in settled["FailureReason"]
    hosted.remove(name)


def test_batch_transform(hosted: Hosting) -> None:
    source = hosted.cloud.put("batch/in.csv", "1\n2\n3\n")
    job = hosted.transform(model(hosted), source, split="Line", BatchStrategy="SingleRecord")
    assert job["TransformJobStatus"] == "Completed", job
    (output,) = hosted.outputs(job).values()
    assert [json.loads(line)["body"] for line in output.splitlines()] == ["1\n", "2\n", "3\n"]


def test_an_invocation_takes_no_longer_than_on_loopback(hosted: Hosting) -> None:
    name = hosted.serve(hosted.variant(model(hosted)))
    hosted.facts(name, "warm")
    begun = time.monotonic()
    for _ in range(20):
        hosted.facts(name, "x")
    assert (time.monotonic() - begun) / 20 < 0.25
    hosted.remove(name)
