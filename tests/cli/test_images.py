"""``harness images``: what there is, what it takes, building it and freeing it again."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.runners.process.environments import Environments
from harness.runners.uv import run_uv
from tests.cli.conftest import Project

BASE = os.environ.get("HARNESS_DOCKER_BASE", "harness-base:bookworm")
ROOM = 64 * 1024


@pytest.fixture
def cache(project: Project) -> Path:
    """An empty cache of the project's own."""
    folder = project.folder / "cache"
    project.environment["HARNESS_CACHE"] = str(folder)
    return folder


@pytest.fixture
def no_engine(project: Project) -> None:
    project.environment["DOCKER_HOST"] = f"unix://{project.folder}/none.sock"


@pytest.fixture
def docker_client() -> Iterator[Any]:
    import docker

    client = docker.APIClient(timeout=60)
    yield client
    client.close()


def environment_in(cache: Path, name: str) -> Path:
    """As one that was built looks from outside."""
    place = cache / "environments" / name
    place.mkdir(parents=True)
    (place / "harness-environment").write_text("")
    (place / "package.so").write_bytes(b"x" * ROOM)
    return place


@pytest.mark.usefixtures("cache", "no_engine")
def test_the_list_says_what_runs_and_what_it_stands_in_for(project: Project) -> None:
    told = project.json("images")
    listed = {image["name"]: image for image in told["images"]}
    assert listed["xgboost:3.0-5"] == {
        "name": "xgboost:3.0-5",
        "runs": "xgboost 3.0.5",
        "stands_in_for": None,
        "environment": "not built",
        "environment_bytes": 0,
        "docker_image": "harness/sagemaker-xgboost:3.0-5",
        "docker": "not built",
        "docker_bytes": 0,
        "docker_own_bytes": 0,
        "peak_bytes": 0,
    }
    assert listed["sdk-v3"]["environment"] == "not built"
    assert listed["sdk-v3"]["docker"] is None
    assert listed["model-monitor-analyzer"]["environment"] == "built in"
    assert listed["xgboost:1.0-1"]["stands_in_for"] == "xgboost 1.0.0"
    assert told["disk_bytes"]["environments"] == told["disk_bytes"]["docker_images"] == 0
    assert told["docker_engine"].startswith("Docker Engine does not answer")
    text = project.run("images", "list").stdout
    assert "xgboost 1.0.2, stands in for xgboost 1.0.0" in text
    assert "Docker Engine does not answer: start it" in text


@pytest.mark.usefixtures("no_engine")
def test_the_disk_that_environments_take_is_shown(project: Project, cache: Path) -> None:
    from harness.profiles.sdk_environments import V3

    environment_in(cache, Environments(cache / "environments").folder_of(V3).name)
    told = project.json("images")
    (row,) = [image for image in told["images"] if image["name"] == "sdk-v3"]
    assert row["environment"] == "built"
    assert row["environment_bytes"] >= ROOM
    assert row["peak_bytes"] == 2 * row["environment_bytes"]  # no file of it is a link to uv's cache
    assert told["disk_bytes"]["environments"] == row["environment_bytes"]


def test_pulling_what_needs_nothing_and_what_is_unknown(project: Project) -> None:
    assert project.run("images", "pull", "model-monitor-analyzer").stdout == "model-monitor-analyzer: ready\n"
    for command in ("pull", "build"):
        unknown = project.run("images", command, "tensorflow")
        assert unknown.returncode == 2
        assert "no image 'tensorflow'; known: " in unknown.stderr
        assert "xgboost:3.0-5" in unknown.stderr


@pytest.mark.usefixtures("no_engine")
def test_pruning_takes_what_no_lock_asks_for_and_all_only_when_told(project: Project, cache: Path) -> None:
    from harness.profiles.sdk_environments import V3

    wanted = environment_in(cache, Environments(cache / "environments").folder_of(V3).name)
    stale = environment_in(cache, "xgboost-0.1-0123456789abcdef")
    killed = cache / "images" / "building-x"
    killed.mkdir(parents=True)
    looked = project.run("images", "prune", "--dry-run")
    assert f"environment {stale.name}  66kB" in looked.stdout
    assert "would free 66kB; nothing was removed" in looked.stdout
    assert stale.exists()
    unsure = project.run("images", "prune", input="")
    assert unsure.returncode == 2
    assert "say --yes" in unsure.stderr
    assert stale.exists()
    done = project.run("images", "prune", "--yes")
    assert done.returncode == 0
    assert "freed 66kB" in done.stdout
    assert not stale.exists()
    assert not killed.exists()
    assert wanted.exists()
    assert project.run("images", "prune", "--yes").stdout == "nothing to remove\n"
    assert "freed 66kB" in project.run("images", "prune", "--environments", "--yes").stdout
    assert not wanted.exists()


@pytest.mark.usefixtures("no_engine")
def test_building_without_an_engine_says_what_to_do(project: Project) -> None:
    done = project.run("images", "build", "xgboost:3.0-5")
    assert done.returncode == 3
    assert done.stderr.startswith("harness: Docker Engine does not answer: start it")
    (project.folder / "full").mkdir()
    (project.folder / "full" / "file").touch()
    for arguments in (["--python", "3.11"], ["--context", "x"], ["--context", "full", "xgboost:3.0-5"]):
        assert project.run("images", "build", *arguments).returncode == 2, arguments


@pytest.fixture
def own(project: Project, docker_client: Any) -> Iterator[str]:
    """A project whose file maps an image of its own, which is in the engine."""
    name = f"harness-test-{secrets.token_hex(4)}"
    (project.folder / "Dockerfile").write_text(f"FROM scratch\nCOPY Dockerfile /\nENV MARK={name}\n")
    list(docker_client.build(path=str(project.folder), tag=f"{name}:local", rm=True))
    (project.folder / "harness.toml").write_text(f'[images]\n"team/{name}" = "{name}:local"\n')
    yield name
    docker_client.remove_image(f"{name}:local", force=True)


@pytest.mark.needs("docker")
def test_ecr_and_the_engine_agree_on_a_mapped_image(project: Project, own: str, docker_client: Any) -> None:
    uri = f"123456789012.dkr.ecr.us-east-1.amazonaws.com/team/{own}:1"
    assert project.run("images", "tag", uri).stdout == f"{uri} is {own}:local\n"
    try:
        assert docker_client.inspect_image(uri)["Id"] == docker_client.inspect_image(f"{own}:local")["Id"]
    finally:
        docker_client.remove_image(uri)
    assert project.run("start").returncode == 0
    script = (
        "import boto3, json; ecr = boto3.client('ecr'); "
        f"print(json.dumps(ecr.list_images(repositoryName='team/{own}')['imageIds']))"
    )
    done = project.run("exec", "--", "python", "-c", script)
    image_id = docker_client.inspect_image(f"{own}:local")["Id"]
    assert json.loads(done.stdout) == [{"imageDigest": image_id, "imageTag": "local"}], done.stderr
    unknown = project.run("images", "tag", "123456789012.dkr.ecr.us-east-1.amazonaws.com/harness-test-none:1")
    assert unknown.returncode == 3
    assert "[images] of harness.toml" in unknown.stderr


@pytest.mark.needs("docker", "index")
@pytest.mark.slow
@pytest.mark.timeout(240)
def test_the_built_in_xgboost_trains_in_its_own_image(project: Project, docker_client: Any) -> None:
    from tests.cli.docker_jobs import trained

    said: list[str] = []
    run_uv(["cache", "dir"], said.append)
    project.environment["UV_CACHE_DIR"] = said[-1]  # what was fetched once is not fetched again
    argv = project.argv("images", "build", "xgboost:3.0-5", "--base", BASE)
    done = subprocess.run(argv, env=project.environment, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stderr
    (row,) = [each for each in project.json("images")["images"] if each["name"] == "xgboost:3.0-5"]
    assert row["docker"] == "built"
    assert row["docker_bytes"] > row["docker_own_bytes"] > 0
    assert row["peak_bytes"] > row["docker_own_bytes"]
    assert "xgboost:3.0-5: unchanged" in project.run("images", "build", "xgboost:3.0-5").stdout
    assert trained(docker_client, row["docker_image"], project.folder / "ml") == 0
    assert (project.folder / "ml" / "model" / "xgboost-model").stat().st_size > 0
