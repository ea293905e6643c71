"""Which image of the engine stands for the URI of a job, in the order in which they are looked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from harness.runners.docker.engine import DockerEngine
from harness.runners.docker.errors import EngineRefusal
from harness.runners.docker.images import Images, Name
from tests.runners.docker.conftest import BASE

ECR = "123456789012.dkr.ecr.us-east-1.amazonaws.com"


@pytest.mark.parametrize(
    ("reference", "parts"),
    [
        (f"{ECR}/sagemaker-xgboost:3.0-5", (f"{ECR}/", "sagemaker-xgboost", "3.0-5")),
        ("localhost:5000/a/b", ("localhost:5000/", "a/b", "latest")),
        ("localhost/a", ("localhost/", "a", "latest")),
        ("team/a:1", ("", "team/a", "1")),
        ("a", ("", "a", "latest")),
        ("x.y/z@sha256:12", ("x.y/", "z", "latest")),
    ],
)
def test_names(reference: str, parts: tuple[str, str, str]) -> None:
    assert Name.of(reference) == parts


@pytest.fixture(scope="module")
def engine() -> Iterator[DockerEngine]:
    made = DockerEngine()
    yield made
    made.close()


@pytest.fixture
def tag(docker_client: Any) -> Iterator[Callable[[str], str]]:
    """Another name for the base image, for as long as the test takes."""
    given = []

    def make(name: str) -> str:
        repository, _, version = name.rpartition(":")
        docker_client.tag(BASE, repository, version)
        given.append(name)
        return name

    yield make
    for name in given:
        docker_client.remove_image(name, noprune=True)


@pytest.mark.needs("docker")
class TestOrder:
    def test_the_users_own_table_comes_first(self, engine: DockerEngine, tag: Callable[[str], str]) -> None:
        tag("harness-tests/first:1")
        tag("harness-tests/second:1")
        uri = tag(f"{ECR}/team/order:1")
        table = {"team/order": "harness-tests/first:1", "team/order:1": "harness-tests/second:1"}
        assert Images(engine, table).resolve(uri).reference == "harness-tests/second:1"
        assert Images(engine, {uri: "harness-tests/first:1", **table}).resolve(uri).reference == "harness-tests/first:1"
        found = Images(engine, {"order": "harness-tests/first:1"}).resolve(uri)
        assert found.why == f"harness-tests/first:1 stands for {uri} ([images] of harness.toml)"

    def test_a_table_that_names_what_is_not_there(self, engine: DockerEngine) -> None:
        with pytest.raises(
            EngineRefusal, match=r"which \[images\] of harness.toml names for 'team/x', is not in Docker"
        ):
            Images(engine, {"team/x": "nobodys:1"}).resolve(f"{ECR}/team/x:2")

    def test_the_very_image_then_ours_then_the_same_name_elsewhere(
        self, engine: DockerEngine, tag: Callable[[str], str]
    ) -> None:
        uri = f"{ECR}/team/order:1"
        images = Images(engine, {}, lambda _: ("harness/team-order:1", "order:1"))
        tag("localhost:5000/team/order:1")
        assert images.resolve(uri).reference == "localhost:5000/team/order:1"
        tag("harness/team-order:1")
        assert images.resolve(uri) == ("harness/team-order:1", f"harness/team-order:1 stands for {uri}")
        tag(uri)
        assert images.resolve(uri) == (uri, "")

    def test_another_version_or_repository_is_not_the_same(
        self, engine: DockerEngine, tag: Callable[[str], str]
    ) -> None:
        tag("localhost:5000/team/order:2")
        tag("localhost:5000/other/order:1")
        with pytest.raises(EngineRefusal, match="pulling is switched off: `docker tag"):
            Images(engine, {}).resolve(f"{ECR}/team/order:1")

    def test_a_pull_that_is_refused_says_what_to_do(self, engine: DockerEngine) -> None:
        said: list[str] = []
        images = Images(engine, {}, lambda _: ("harness/nobodys:1", "nobodys:1"), pull=True)
        with pytest.raises(EngineRefusal, match=r"could not be pulled .*: `harness images build nobodys:1` makes"):
            images.resolve("localhost:1/nobodys:1", said.append)
        assert said == ["[harness] image localhost:1/nobodys:1 is not in Docker Engine: pulling it"]
