"""Our own images are built without a network, from the folder the process runner uses, once."""

from __future__ import annotations

import os
import secrets
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from harness.runners.docker.building import ImageBuilder, find_image, labels_of
from harness.runners.docker.context import OwnImage, archive, content_hash, program_files, write_context
from harness.runners.docker.engine import DockerEngine
from harness.runners.docker.errors import EngineRefusal
from harness.runners.docker.packages import fetch_packages, packages_of, remains
from harness.runners.docker.usage import remove, usage
from tests.runners.docker.conftest import BASE
from tests.runners.wheels import tiny_lock

# As those of the real images, without what takes them long.
DOCKERFILE = """
ARG BASE
FROM ${BASE}
ARG PYTHON
RUN python3 -m venv --without-pip /opt/python && test -d /opt/python/lib/python${PYTHON}
COPY packages /opt/python/lib/python${PYTHON}/site-packages
COPY program /opt/program
ARG VERSION
ENV VERSION=${VERSION}
ENTRYPOINT ["/opt/python/bin/python", "/opt/program/say.py"]
"""


@pytest.fixture(autouse=True)
def _no_index(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv-cache"))


@pytest.fixture
def image(tmp_path: Path) -> OwnImage:
    folder = tmp_path / "folder"
    (folder / "parts" / "__pycache__").mkdir(parents=True)
    (folder / "locks").mkdir()
    (folder / "Dockerfile").write_text(DOCKERFILE)
    (folder / "README.md").write_text("for people")
    (folder / "say.py").write_text("import os, tiny; print(tiny.WORD, os.environ['VERSION'], 1)\n")
    (folder / "parts" / "more.py").write_text("")
    (folder / "parts" / "__pycache__" / "more.pyc").write_text("")
    name = f"harness-test-{secrets.token_hex(4)}"
    return OwnImage(name, f"{name}/say:1", "1", folder, {"3.11": tiny_lock(tmp_path)})


@pytest.fixture
def engine() -> Iterator[DockerEngine]:
    made = DockerEngine()
    yield made
    made.close()


@pytest.fixture
def built(image: OwnImage, engine: DockerEngine, tmp_path: Path) -> Iterator[list[str]]:
    """The lines of a first build; whatever the test builds of it is gone afterwards."""
    lines: list[str] = []
    ImageBuilder(engine, tmp_path / "cache", lines.append).build(image, BASE)
    yield lines
    for found in usage(engine).images:
        if found.title == image.title:
            remove(engine, found)


def said_by(client: Any, name: str) -> str:
    container = client.create_container(name)
    client.start(container)
    client.wait(container)
    text = client.logs(container).decode().strip()
    client.remove_container(container)
    return str(text)


@pytest.mark.needs("docker")
def test_an_image_holds_its_program_and_packages_and_is_built_once(
    image: OwnImage, built: list[str], engine: DockerEngine, tmp_path: Path, docker_client: Any
) -> None:
    assert said_by(docker_client, image.name) == "tiny 1 1"
    assert f"building {image.name} on {BASE}" in "\n".join(built)
    again: list[str] = []
    assert not ImageBuilder(engine, tmp_path / "cache", again.append).build(image, BASE).rebuilt
    assert again == [f"harness: {image.title}: unchanged"]
    assert list((tmp_path / "cache").iterdir()) == []


@pytest.mark.needs("docker")
@pytest.mark.usefixtures("built")
def test_a_changed_program_gives_a_new_image_that_takes_over_the_names(
    image: OwnImage, engine: DockerEngine, tmp_path: Path, docker_client: Any
) -> None:
    former = find_image(engine, image.name)
    assert former is not None
    uri = f"123456789012.dkr.ecr.us-east-1.amazonaws.com/{image.title}"
    docker_client.tag(image.name, uri, "1")
    (image.folder / "say.py").write_text("print('changed')\n")
    done = ImageBuilder(engine, tmp_path / "cache", print).build(image, BASE)
    assert done.rebuilt
    assert said_by(docker_client, f"{uri}:1") == "changed"
    assert find_image(engine, former["Id"]) is None


@pytest.mark.needs("docker")
@pytest.mark.usefixtures("built")
def test_usage_counts_what_is_the_images_own_and_removing_frees_it(image: OwnImage, engine: DockerEngine) -> None:
    (ours,) = [found for found in usage(engine).images if found.title == image.title]
    assert ours.names == (image.name,)
    assert 0 < ours.own < ours.size
    assert ours.fetched > 0
    remove(engine, ours)
    assert find_image(engine, image.name) is None


@pytest.mark.needs("docker")
@pytest.mark.usefixtures("built")
def test_an_image_with_a_container_is_kept_and_said_so(
    image: OwnImage, engine: DockerEngine, docker_client: Any
) -> None:
    container = docker_client.create_container(image.name)
    try:
        (ours,) = [found for found in usage(engine).images if found.title == image.title]
        assert ours.containers == 1
        docker_client.tag(image.name, image.title, "other")
        with pytest.raises(EngineRefusal, match="is kept"):
            remove(engine, replace(ours, names=()))
        assert find_image(engine, image.name) is not None
        docker_client.remove_image(f"{image.title}:other")
    finally:
        docker_client.remove_container(container)


@pytest.mark.needs("docker")
def test_what_cannot_be_built_on_is_refused_with_the_remedy(
    image: OwnImage, engine: DockerEngine, tmp_path: Path, docker_client: Any
) -> None:
    builder = ImageBuilder(engine, tmp_path / "cache", print)
    with pytest.raises(EngineRefusal, match=r"is not in Docker Engine and cannot be pulled .*--base IMAGE"):
        builder.build(image, "localhost:1/none:1")
    empty = BytesIO()
    with tarfile.open(fileobj=empty, mode="w"):
        pass
    docker_client.import_image_from_data(empty.getvalue(), repository=image.title, tag="empty")
    try:
        with pytest.raises(EngineRefusal, match=r"python3 does not run.*--base python:3.11-slim"):
            builder.build(image, f"{image.title}:empty")
    finally:
        docker_client.remove_image(f"{image.title}:empty")
    (image.folder / "Dockerfile").write_text("ARG BASE\nFROM ${BASE}\nRUN echo so it goes && false\n")
    with pytest.raises(EngineRefusal, match=r"(?s)could not be built: .*so it goes"):
        builder.build(image, BASE)


@pytest.mark.needs("docker")
def test_a_context_written_for_a_builder_elsewhere_builds(
    image: OwnImage, engine: DockerEngine, tmp_path: Path, docker_client: Any
) -> None:
    fetch_packages(image, "3.11", "x86_64", tmp_path / "packages", print)
    write_context(image, tmp_path / "packages", tmp_path / "context")
    name = f"{image.title}:by-hand"
    arguments = {"BASE": BASE, "PYTHON": "3.11", "VERSION": "7"}
    list(docker_client.build(path=str(tmp_path / "context"), tag=name, buildargs=arguments, rm=True))
    try:
        assert said_by(docker_client, name) == "tiny 7 1"
        assert labels_of(find_image(engine, name) or {}).get("harness.image") is None
    finally:
        docker_client.remove_image(name)


def test_a_python_without_a_lock_is_refused_with_the_remedy(image: OwnImage, tmp_path: Path) -> None:
    with pytest.raises(
        EngineRefusal, match=r"has no lock for Python 3\.9, only for 3\.11: use --base python:3\.11-slim"
    ):
        fetch_packages(image, "3.9", "x86_64", tmp_path / "packages", print)


def test_packages_that_cannot_be_had_are_named(image: OwnImage, tmp_path: Path) -> None:
    image.locks["3.11"].write_text(f"nosuch==1.0 --hash=sha256:{'0' * 64}\n")
    with pytest.raises(EngineRefusal, match=r"(?s)fetching the packages of .* for Python 3\.11 failed.*nosuch"):
        fetch_packages(image, "3.11", "x86_64", tmp_path / "packages", print)


def test_the_context_is_the_same_for_the_same_content(image: OwnImage, tmp_path: Path) -> None:
    with packages_of(image, "3.11", "x86_64", tmp_path / "cache", print) as packages:
        assert remains(tmp_path / "cache") == []  # it is in use
        before = b"".join(archive(image, packages))
        os.utime(image.folder / "say.py", (1, 1))
        (image.folder / "say.py").chmod(0o600)
        assert b"".join(archive(image, packages)) == before
    with tarfile.open(fileobj=BytesIO(before)) as tar:
        names = set(tar.getnames())
        assert tar.getmember("program/say.py").mode == 0o644
    assert {"Dockerfile", "program", "program/say.py", "program/parts/more.py", "packages/tiny.py"} <= names
    assert sorted(program_files(image)) == ["program/parts/more.py", "program/say.py"]


def test_the_hash_changes_with_all_that_the_image_is_made_of(image: OwnImage) -> None:
    hashes = {
        content_hash(image, "base"),
        content_hash(image, "other"),
        content_hash(replace(image, version="2"), "base"),
    }
    for file in (image.locks["3.11"], image.dockerfile, image.folder / "say.py"):
        file.write_text(file.read_text() + "# more\n")
        hashes.add(content_hash(image, "base"))
    assert len(hashes) == 6
    before = content_hash(image, "base")
    (image.folder / "README.md").write_text("other words")
    assert content_hash(image, "base") == before


def test_folders_of_killed_builds_are_found(tmp_path: Path) -> None:
    (tmp_path / "building-1").mkdir()
    assert remains(tmp_path) == [tmp_path / "building-1"]
    assert remains(tmp_path / "none") == []
