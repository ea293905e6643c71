"""Users of the command line, standing in project folders."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.projects import Project, standing_in


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with standing_in(Project(tmp_path)) as project:
        yield project


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A project whose emulator runs already, shared by the tests of a file."""
    with standing_in(Project(tmp_path_factory.mktemp("project")), started=True) as project:
        yield project
