"""Warm parents before the first job asks: for every image that runs in the harness's own environment."""

from __future__ import annotations

from pathlib import Path

from harness.contract.catalog import HARNESS_ENVIRONMENT, load_catalog
from harness.contract.surroundings import Surroundings, platform_environment
from harness.runners.spec import Runner, RunSpec


def warm_up(runner: Runner) -> None:
    """One parent per set of libraries, in the order of the catalogue; returns when all have imported."""
    # Whose job it will be does not matter to a parent: only variables that are read while importing do.
    env = platform_environment(Surroundings("", "", "", Path()))
    kinds = dict.fromkeys(image.preload for image in load_catalog() if image.environment == HARNESS_ENVIRONMENT)
    for preload in kinds:
        runner.warm(RunSpec("warm", (), HARNESS_ENVIRONMENT, Path(), env, preload=preload))
