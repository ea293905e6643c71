"""The localmode profile where there is no engine to run containers: it says so, and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.projects import Project, standing_in


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with standing_in(Project(tmp_path)) as made:
        made.scenario("empty", "pass")
        yield made


def test_an_engine_that_does_not_answer_is_told_of(project: Project) -> None:
    project.environment["DOCKER_HOST"] = f"unix://{project.folder}/none.sock"
    done = project.run("run", "empty", "--profile", "localmode")
    assert done.returncode == 3
    assert "the localmode profile needs Docker Engine" in done.stderr
    assert "--profile local" in done.stderr


def test_a_machine_without_docker_is_told_of(project: Project) -> None:
    project.environment["PATH"] = str(project.folder)
    done = project.run("run", "empty", "--profile", "localmode")
    assert done.returncode == 3
    assert "the docker command" in done.stderr
    assert "harness exec --local-mode" in done.stderr
