"""A LocalStack as a container. LocalStack's own image or, where it cannot be pulled, one that .ci/localstack builds."""

from __future__ import annotations

import subprocess
from pathlib import Path

import boto3
import pytest

from harness.emulator import Emulator
from harness.kernel.errors import StateError
from harness.settings import Settings
from harness.stores.aws_backends.remote.container import IMAGE, Container
from harness.stores.aws_backends.remote.health import ask

pytestmark = [pytest.mark.needs("docker"), pytest.mark.slow]
STAND_IN = "localstack-stand-in:4.9.2"


def containers(state: Path) -> list[str]:
    chosen = ["--filter", f"label=harness.state={state}", "--filter", "label=harness.run=localstack"]
    return subprocess.run(["docker", "ps", "-aq", *chosen], capture_output=True, text=True, check=True).stdout.split()


@pytest.fixture
def image() -> str:
    found = [image for image in (IMAGE, STAND_IN) if Container(Path("/nowhere"), image).present()]
    if not found:
        pytest.skip(f"the engine has neither {IMAGE} nor {STAND_IN} (.ci/localstack builds the latter)")
    return found[0]


def test_it_serves_and_is_removed(image: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_LOCALSTACK", "docker")
    monkeypatch.setenv("HARNESS_LOCALSTACK_IMAGE", image)
    for variable in ("LOCALSTACK_ENDPOINT", "LOCALSTACK_HOST"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr("harness.stores.aws_backends.remote.health.DEFAULT", "127.0.0.1:1")
    state = tmp_path / ".harness"
    labels = ["--label", f"harness.state={state}", "--label", "harness.run=localstack"]
    subprocess.run(
        ["docker", "create", *labels, image], capture_output=True, check=True
    )  # as a killed emulator leaves it
    (before,) = containers(state)
    given = Settings(state=state, port=0, grace=5.0, aws_backend="localstack", account="000000000000")
    with Emulator(given) as emulator:
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        s3 = boto3.client("s3", endpoint_url=emulator.address, region_name="us-east-1", **keys)
        s3.create_bucket(Bucket="in-a-container")
        (container,) = containers(state)
        assert before[:12] != container[:12]
        told = emulator.facts()["aws"]
        assert f"a container of {image}" in told["localstack"]
    assert containers(state) == []
    assert ask(told["address"]) is None


def test_an_image_that_is_nowhere(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="LocalStack's container of no-such/image:1 cannot be started"):
        Container(tmp_path, "no-such/image:1").start()
