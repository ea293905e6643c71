"""The engine's images as an AWS account's registry, and images of a registry on this machine."""

from __future__ import annotations

import json
import secrets
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.runners.docker.engine import DockerEngine
from harness.runners.docker.errors import EngineRefusal
from harness.runners.docker.images import Images
from harness.runners.docker.registry import Registry
from tests.runners.docker.conftest import build

pytestmark = pytest.mark.needs("docker")
ACCOUNT, REGION = "123456789012", "us-east-1"
REGISTRY = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"


@pytest.fixture
def name() -> str:
    return f"harness-test-{secrets.token_hex(4)}"


@pytest.fixture
def engine() -> Iterator[DockerEngine]:
    made = DockerEngine()
    yield made
    made.close()


Make = Callable[..., str]


@pytest.fixture
def make(docker_client: Any) -> Iterator[Make]:
    """Makes an image of a few bytes and gives it names; gives back its id."""
    made: list[str] = []

    def made_with(*names: str, labels: str = "") -> str:
        label = f"\nLABEL {labels}" if labels else ""
        build(docker_client, f"FROM scratch\nCOPY Dockerfile /\nENV MARK={secrets.token_hex(8)}{label}", names[0])
        for name in names[1:]:
            repository, _, tag = name.rpartition(":")
            docker_client.tag(names[0], repository, tag)
        made.extend(names)
        return str(docker_client.inspect_image(names[0])["Id"])

    yield made_with
    for name in made:
        if docker_client.images(name):
            docker_client.remove_image(name, force=True)


def test_images_are_listed_in_the_account_and_region_of_their_name(engine: DockerEngine, make: Make, name: str) -> None:
    image_id = make(f"{REGISTRY}/team/{name}:1", f"{name}:plain")
    registry = Registry(engine, {}, lambda uri: None)
    found = [each for each in registry.images_in(ACCOUNT, REGION) if name in each.repository]
    assert [(each.repository, each.tag, each.digest) for each in found] == [(f"team/{name}", "1", image_id)]
    assert found[0].size > 0
    assert time.time() - found[0].created < 600
    for account, region in ((ACCOUNT, "eu-west-1"), ("999999999999", REGION)):
        assert not [each for each in registry.images_in(account, region) if name in each.repository]


def test_mapped_images_are_listed_and_come_first(engine: DockerEngine, make: Make, name: str) -> None:
    mapped = make(f"{name}:local")
    make(f"{REGISTRY}/{name}:1")
    table = {f"{name}:1": f"{name}:local", f"{REGISTRY}/{name}-too": f"{name}:local"}
    registry = Registry(engine, table, lambda uri: None)
    found = {(each.repository, each.tag): each.digest for each in registry.images_in(ACCOUNT, REGION)}
    assert found[name, "1"] == mapped
    assert found[f"{name}-too", "local"] == mapped
    elsewhere = {(each.repository, each.tag) for each in registry.images_in(ACCOUNT, "eu-west-1")}
    assert (name, "1") in elsewhere
    assert (f"{name}-too", "local") not in elsewhere


def test_our_own_stand_in_every_registry_by_both_tags(engine: DockerEngine, make: Make, name: str) -> None:
    make(f"harness/{name}:1.2-3", labels=f"harness.image={name}")
    registry = Registry(engine, {}, lambda uri: None)
    listed = [each.tag for each in registry.images_in("683313688378", "eu-west-3") if each.repository == name]
    assert listed == ["1.2-3", "1.2-3-cpu-py3"]


def test_an_image_is_given_the_name_it_stands_for(
    engine: DockerEngine, make: Make, name: str, docker_client: Any
) -> None:
    image_id = make(f"harness/{name}:1")
    uri = f"{REGISTRY}/{name}:1-cpu-py3"
    registry = Registry(engine, {}, lambda asked: (f"harness/{name}:1", name) if asked == uri else None)
    assert registry.tag_for(uri) == f"harness/{name}:1"
    assert docker_client.inspect_image(uri)["Id"] == image_id
    docker_client.remove_image(uri)
    with pytest.raises(EngineRefusal, match="docker tag"):
        registry.tag_for(f"{REGISTRY}/{name}-unknown:1")


def test_the_manifest_names_the_image_and_its_layers(engine: DockerEngine, make: Make, name: str) -> None:
    image_id = make(f"{REGISTRY}/{name}:1")
    registry = Registry(engine, {}, lambda uri: None)
    (listed,) = [each for each in registry.images_in(ACCOUNT, REGION) if each.repository == name]
    found = json.loads(listed.manifest())
    assert found["config"]["digest"] == image_id
    assert [layer["digest"] for layer in found["layers"]] == engine.client.inspect_image(image_id)["RootFS"]["Layers"]
    assert all(layer["size"] > 0 for layer in found["layers"])


@pytest.fixture
def local_registry(tmp_path: Path) -> Iterator[str]:
    """A real one, on a free port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = tmp_path / "registry.yml"
    config.write_text(
        "version: 0.1\nlog: {level: error}\n"
        f"storage: {{filesystem: {{rootdirectory: {tmp_path / 'registry'}}}}}\nhttp: {{addr: '127.0.0.1:{port}'}}\n"
    )
    program = subprocess.Popen(["docker-registry", "serve", str(config)], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 20
    try:
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/", timeout=5):
                    break
            except OSError:
                assert time.monotonic() < deadline
                time.sleep(0.05)
        yield f"localhost:{port}"
    finally:
        program.terminate()
        program.wait(20)


@pytest.mark.needs("registry")
def test_a_pushed_image_is_found_by_its_aws_uri(
    engine: DockerEngine, make: Make, name: str, local_registry: str, docker_client: Any
) -> None:
    pushed, kept = f"{local_registry}/team/{name}:1", f"{local_registry}/team/{name}:kept"
    image_id = make(pushed, kept)
    for reference in (pushed, kept):
        said = list(docker_client.push(reference, stream=True, decode=True))
        assert not [line for line in said if "error" in line], said
    uri = f"{REGISTRY}/team/{name}:1"
    assert Images(engine, {}).resolve(uri).reference == pushed
    listed = {
        each.tag: each
        for each in Registry(engine, {}, lambda uri: None).images_in(ACCOUNT, REGION)
        if name in each.repository
    }
    assert set(listed) == {"1", "kept"}
    assert listed["1"].digest != image_id  # the registry's own digest
    # Pushed from elsewhere: this engine does not have it, but knows the registry.
    docker_client.remove_image(pushed)
    assert Images(engine, {}).resolve(uri).reference == pushed
    assert docker_client.inspect_image(pushed)["Id"] == image_id
    docker_client.remove_image(pushed)
    mapped = Images(engine, {f"{name}-mapped": pushed, f"{name}-none": f"{local_registry}/none"})
    assert mapped.resolve(f"{REGISTRY}/{name}-mapped:3").reference == pushed
    for tag in (f"team/{name}:2", f"{name}-none:1"):
        with pytest.raises(EngineRefusal, match="is not in Docker Engine"):
            mapped.resolve(f"{REGISTRY}/{tag}")
