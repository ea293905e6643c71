"""A LocalStack as a container. LocalStack's own image or, where it cannot be pulled, one that .ci/localstack builds."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

import boto3
import pytest

from harness.aws.remote.health import ask
from harness.emulator import Emulator
from harness.emulator.localstack_container import IMAGE, LocalStackContainer
from harness.kernel.errors import StateError
from harness.settings import Settings

pytestmark = [pytest.mark.needs("docker"), pytest.mark.slow]
BASE = os.environ.get("HARNESS_DOCKER_BASE", "harness-base:bookworm")
STAND_IN = "localstack-stand-in:4.9.2"


def docker(*words: str) -> list[str]:
    return subprocess.run(["docker", *words], capture_output=True, text=True, check=True).stdout.split()


def listed(*chosen: str) -> list[str]:
    return docker("ps", "-aq", "--no-trunc", *(word for each in chosen for word in ("--filter", each)))


def containers(state: Path) -> list[str]:
    return listed(f"label=harness.state={state}", "label=harness.run=localstack")


def left_behind(image: str, state: Path, emulator: str) -> str:
    """As an emulator leaves it that is killed."""
    given = {"state": state, "run": "localstack", "emulator": emulator, "host": platform.node()}
    labels = [word for name, value in given.items() for word in ("--label", f"harness.{name}={value}")]
    return docker("create", *labels, image)[0]


@pytest.fixture
def image() -> str:
    found = [image for image in (IMAGE, STAND_IN) if LocalStackContainer(Path("/nowhere"), image).present()]
    if not found:
        pytest.skip(f"the engine has neither {IMAGE} nor {STAND_IN} (.ci/localstack builds the latter)")
    return found[0]


def test_it_serves_and_is_removed(image: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_LOCALSTACK", "docker")
    monkeypatch.setenv("HARNESS_LOCALSTACK_IMAGE", image)
    for variable in ("LOCALSTACK_ENDPOINT", "LOCALSTACK_HOST"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr("harness.aws.remote.health.DEFAULT", "127.0.0.1:1")
    state = tmp_path / ".harness"
    left = [left_behind(image, state, "1"), left_behind(image, tmp_path / "of another project", "999999999")]
    kept = left_behind(image, tmp_path / "of one that lives", str(os.getpid()))
    given = Settings(state=state, port=0, grace=5.0, aws_backend="localstack", account="000000000000")
    with Emulator(given) as emulator:
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        s3 = boto3.client("s3", endpoint_url=emulator.address, region_name="us-east-1", **keys)
        s3.create_bucket(Bucket="in-a-container")
        (container,) = containers(state)
        assert container[:12] not in [each[:12] for each in left]
        every = listed("label=harness.run=localstack")
        assert not [each for each in left if each in every]
        assert kept in every
        told = emulator.facts()["aws"]
        assert f"a container of {image}" in told["localstack"]
        # Taken away by somebody: the emulator ends all the same.
        docker("rm", "-f", container)
        assert "has ended" in emulator._aws._source.describe_loss()  # type: ignore[attr-defined]
    docker("rm", kept)
    assert containers(state) == []
    assert ask(told["address"]) is None


def test_an_image_that_is_nowhere(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="LocalStack's container of no-such/image:1 cannot be started"):
        LocalStackContainer(tmp_path, "no-such/image:1").start()


def test_nothing_is_pulled_without_leave(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="no-such/image:1 is not in Docker Engine, and pulling is switched off"):
        LocalStackContainer(tmp_path, "no-such/image:1", pull=False).start()


def test_no_engine_is_said_as_jobs_say_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    with pytest.raises(StateError, match=r"Docker Engine does not answer: start it \(Linux"):
        LocalStackContainer(tmp_path).start()


def test_a_release_that_wants_a_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LOCALSTACK_AUTH_TOKEN", raising=False)
    tag = f"localstack-without-license:{tmp_path.name[-8:]}"
    made = ["FROM " + BASE, 'ENTRYPOINT ["sh", "-c", "echo License activation failed!; exit 55"]']
    subprocess.run(["docker", "build", "-q", "-t", tag, "-"], input="\n".join(made), text=True, check=True)
    try:
        with pytest.raises(StateError, match=r"(?s)License activation failed.*LOCALSTACK_AUTH_TOKEN, which is not set"):
            LocalStackContainer(tmp_path, tag).start()
        assert containers(tmp_path) == []
    finally:
        docker("rmi", tag)
