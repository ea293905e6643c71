"""Fixtures: one stand-in for a test run; for each test an account with nothing in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.aws_stand_in.running import AwsProject, StandIn, running_stand_in


@pytest.fixture(scope="session")
def stand_in_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    with running_stand_in(tmp_path_factory.mktemp("stand_in")) as running:
        yield running


@pytest.fixture
def stand_in(stand_in_process: StandIn) -> StandIn:
    """Every test begins with an ordinary account; ``begin`` makes another."""
    stand_in_process.begin()
    return stand_in_process


@pytest.fixture
def aws_project(tmp_path: Path, stand_in: StandIn) -> Iterator[AwsProject]:
    """Whatever was asked of AWS must have been allowed by its models."""
    yield AwsProject(tmp_path, stand_in)
    if broken := stand_in.problems():
        pytest.fail("requests that AWS would not understand:\n" + "\n".join(broken))
