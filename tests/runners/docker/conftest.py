"""A real engine, an image built from the base image, and an emulator whose jobs run in containers."""

from __future__ import annotations

import io
import os
import secrets
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cloud import Cloud, running_cloud
from tests.hosting import Hosting

BASE = os.environ.get("HARNESS_DOCKER_BASE", "harness-base:bookworm")
PROGRAMS = Path(__file__).parent / "programs"
TAG = secrets.token_hex(4)  # several runs may share an engine
OWN = f"123456789012.dkr.ecr.us-east-1.amazonaws.com/team/own-image:{TAG}"
"""As the jobs name it. The engine knows it by a local registry's name."""
LOCAL = f"localhost:5000/team/own-image:{TAG}"


def build(client: Any, dockerfile: str, tag: str) -> None:
    """An image of the programs below ``programs``."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, content in {"Dockerfile": dockerfile.encode(), **_programs()}.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o755
            tar.addfile(member, io.BytesIO(content))
    packed.seek(0)
    steps = list(client.build(fileobj=packed, custom_context=True, tag=tag, rm=True, decode=True))
    assert not [step for step in steps if "error" in step], steps


def _programs() -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in PROGRAMS.iterdir() if file.is_file()}


@pytest.fixture(scope="session")
def docker_client() -> Iterator[Any]:
    import docker

    client = docker.APIClient(timeout=120)
    yield client
    client.close()


@pytest.fixture(scope="session")
def own_image(docker_client: Any) -> Iterator[str]:
    """A user's own image, with ``train`` and ``serve`` on its PATH and a file of its own below /opt/ml."""
    lines = [f"FROM {BASE}", "COPY train serve /usr/local/bin/", "COPY train /opt/ml/code/baked", "WORKDIR /srv"]
    build(docker_client, "\n".join(lines), LOCAL)
    yield OWN
    if docker_client.images(LOCAL):  # the tests of sdk_local have this fixture as well
        docker_client.remove_image(LOCAL, force=True)


@pytest.fixture(scope="session")
def contained(tmp_path_factory: pytest.TempPathFactory, own_image: str, docker_client: Any) -> Iterator[Cloud]:
    state = tmp_path_factory.mktemp("docker") / ".harness"
    with running_cloud(state, runner="docker", install=False) as made:
        yield made
    left = {"filters": {"label": f"harness.state={state}"}}
    assert docker_client.containers(all=True, **left) == []
    assert docker_client.networks(**left) == []


@pytest.fixture(scope="session")
def hosted(contained: Cloud) -> Iterator[Hosting]:
    made = Hosting(contained)
    yield made
    made.close()
