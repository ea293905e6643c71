"""Processing jobs in containers: the image's own command, and the two overrides of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.cloud import BUCKET, Cloud
from tests.runners.docker.conftest import BASE, TAG, build

pytestmark = pytest.mark.needs("docker")

IMAGE = f"harness-tests/commands:{TAG}"


@pytest.fixture(scope="module", autouse=True)
def commands(docker_client: Any) -> Iterator[None]:
    build(docker_client, f'FROM {BASE}\nENTRYPOINT ["echo", "entry"]\nCMD ["cmd"]', IMAGE)
    yield
    docker_client.remove_image(IMAGE, force=True)


@pytest.mark.parametrize(
    ("application", "line"),
    [
        ({}, "entry cmd"),
        ({"ContainerArguments": ["given"]}, "entry given"),
        ({"ContainerEntrypoint": ["echo", "mine"]}, "mine"),
        ({"ContainerEntrypoint": ["echo", "mine"], "ContainerArguments": ["a b"]}, "mine a b"),
    ],
)
def test_overrides(contained: Cloud, application: dict[str, Any], line: str) -> None:
    request = contained.processing_request(image=IMAGE)
    request["AppSpecification"] = {"ImageUri": IMAGE, **application}
    contained.sagemaker.create_processing_job(**request)
    ended = contained.processed(request["ProcessingJobName"])
    assert ended["ProcessingJobStatus"] == "Completed", ended
    assert contained.log(request["ProcessingJobName"]) == [line]


def test_inputs_outputs_and_messages(contained: Cloud) -> None:
    script = (
        "import os\n"
        "text = open('/opt/ml/processing/input/data/a.txt').read()\n"
        "open('/opt/ml/processing/out/b.txt', 'w').write(text.upper())\n"
        "open('/opt/ml/output/message', 'w').write('done')\n"
        "print(sorted(os.listdir('/opt/ml')))\n"
    )
    source = contained.put("processing/data/a.txt", "text")
    ended = contained.process(
        script,
        image=IMAGE,
        inputs={"/opt/ml/processing/input/data": source},
        outputs={"/opt/ml/processing/out": f"s3://{BUCKET}/processed"},
    )
    assert ended["ProcessingJobStatus"] == "Completed", ended
    assert ended["ExitMessage"] == "done"
    assert contained.get("processed/b.txt") == b"TEXT"
    assert contained.log(ended["ProcessingJobName"]) == ["['config', 'output', 'processing']"]


def test_an_isolated_job_has_its_loopback_only(contained: Cloud) -> None:
    script = "import os\nprint(sorted(os.listdir('/sys/class/net')))\n"
    ended = contained.process(script, image=IMAGE, NetworkConfig={"EnableNetworkIsolation": True})
    assert ended["ProcessingJobStatus"] == "Completed", ended
    assert contained.log(ended["ProcessingJobName"]) == ["['lo']"]


def test_a_job_on_two_hosts(contained: Cloud) -> None:
    script = (
        "import json, socket\n"
        "config = json.load(open('/opt/ml/config/resourceconfig.json'))\n"
        "host = config['current_host']\n"
        "print(host, [bool(socket.gethostbyname(each)) for each in config['hosts']])\n"
        "open(f'/opt/ml/processing/out/{host}', 'w').write(host)\n"
    )
    request = contained.processing_request(
        script, image=IMAGE, outputs={"/opt/ml/processing/out": f"s3://{BUCKET}/two"}
    )
    request["ProcessingResources"]["ClusterConfig"]["InstanceCount"] = 2
    contained.sagemaker.create_processing_job(**request)
    ended = contained.processed(request["ProcessingJobName"])
    assert ended["ProcessingJobStatus"] == "Completed", ended
    assert sorted(contained.keys("two/")) == ["algo-1", "algo-2"]
    assert sorted(contained.log(ended["ProcessingJobName"])) == ["algo-1 [True, True]", "algo-2 [True, True]"]
