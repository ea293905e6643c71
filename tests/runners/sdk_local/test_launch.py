"""Containers started by the SageMaker SDK's local mode: what its code is given, and jobs of a user's own image."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.runners.sdk_local.launch import document
from tests.cloud import Cloud, running_cloud
from tests.runners.docker.conftest import LOCAL, OWN, docker_client, own_image
from tests.runners.docker.test_training import artefact, log, train

__all__ = ["docker_client", "own_image"]


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory, own_image: str, docker_client: Any) -> Iterator[Cloud]:
    state = tmp_path_factory.mktemp("sdk-local") / ".harness"
    with running_cloud(state, runner="sdk-local", install=False) as made:
        yield made
    left = {"filters": {"label": f"harness.state={state}"}}
    assert docker_client.containers(all=True, **left) == []
    assert docker_client.networks(**left) == []
    assert [each.name for each in (state / "runs" / "docker" / "compose").iterdir()] == ["sdk.log"]


@pytest.mark.needs("docker")
def test_a_job_has_its_channels_its_hyperparameters_and_its_name(local: Cloud) -> None:
    data = local.put("own/data.csv", "1,2\n3,4\n")
    ended = train(local, {"train": data}, told={"show": "AWS_REGION HOSTNAME PRICE"}, Environment={"PRICE": "$5"})
    assert ended["TrainingJobStatus"] == "Completed", log(local, ended)
    assert log(local, ended)[0] == f"[harness] {LOCAL} stands for {OWN}"
    assert {"train: 2 lines", "AWS_REGION=us-east-1", "HOSTNAME=algo-1", "PRICE=$5"} <= set(log(local, ended))
    assert artefact(local, ended)["closed/mine"] == b"mine"


@pytest.mark.needs("docker")
def test_a_machine_without_gpus_starts_no_job_for_one(local: Cloud, docker_client: Any) -> None:
    if "nvidia" in docker_client.info()["Runtimes"]:
        pytest.skip("this engine has GPUs to give")
    resources = {"InstanceType": "ml.g4dn.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 1}
    ended = train(local, ResourceConfig=resources)
    assert "NVIDIA Container Toolkit" in ended["FailureReason"]


BODY = {
    "Image": "team/own:1",
    "Hostname": "algo-2",
    "Env": ["A=b=c", "EMPTY="],
    "Labels": {"harness.state": "/state"},
    "Cmd": ["train"],
    "HostConfig": {
        "NetworkMode": "n1",
        "Mounts": [{"Type": "bind", "Source": "/srv/model", "Target": "/opt/ml/model", "ReadOnly": False}],
        "NanoCpus": 500_000_000,
        "ShmSize": 1024,
        "ExtraHosts": ["algo-1:10.0.0.2"],
    },
    "NetworkingConfig": {"EndpointsConfig": {"n1": {"IPAMConfig": {"IPv4Address": "10.0.0.3"}}}},
}


def test_a_request_to_docker_engine_in_the_words_of_compose() -> None:
    given = document(BODY, "harness-Job.1-algo-2-abc", init=True)
    assert given["project"] == "harness-job1-algo-2-abc"
    assert (given["image"], given["host"], given["instance_type"]) == ("team/own:1", "algo-2", "local")
    assert (given["entrypoint"], given["arguments"]) == (None, ["train"])
    assert given["environment"] == {"A": "b=c", "EMPTY": ""}
    assert given["volumes"] == {"/opt/ml/model": "/srv/model"}
    assert given["network"] == {"name": "n1", "member": {"aliases": ["algo-2"], "ipv4_address": "10.0.0.3"}}
    settings = given["container_config"]
    assert (settings["cpus"], settings["shm_size"], settings["init"]) == (0.5, 1024, True)
    assert settings["labels"]["harness.state"] == "/state"
    assert settings["extra_hosts"] == ["algo-1:10.0.0.2"]


def test_a_gpu_is_the_sdks_local_gpu_and_no_network_is_none() -> None:
    host = {"NetworkMode": "none", "Mounts": [], "DeviceRequests": [{"Count": 1}]}
    given = document({**BODY, "HostConfig": host, "NetworkingConfig": {}}, "name", init=False)
    assert (given["instance_type"], given["network"]) == ("local_gpu", None)


def test_what_lies_in_the_container_program_needs_nothing_of_harness() -> None:
    program = Path(__file__).parents[3] / "harness" / "runners" / "sdk_local" / "container_program.py"
    assert "harness" not in program.read_text(encoding="utf-8").replace("the emulator", "")
