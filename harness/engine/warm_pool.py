"""Warm parents before the first job needs them: for the images that the scenarios take."""

from __future__ import annotations

from pathlib import Path

from harness.contract.catalog import load_catalog
from harness.contract.container_environment import ContainerEnvironment, platform_environment
from harness.runners.spec import Runner, RunSpec


def warm_up(runner: Runner) -> None:
    """One parent for each such image whose environment is built, in the order of the catalogue; returns when all
    have imported."""
    # Whose job it will be does not matter to a parent: only variables that are read while importing do.
    env = platform_environment(ContainerEnvironment("", "", "", Path()))
    for image in load_catalog():
        if image.usual:
            runner.warm(RunSpec("warm", (), image.environment, Path(), env, preload=image.preload))
