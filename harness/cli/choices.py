"""The profile and the scenarios that a command line names, as objects; a wrong name is a usage error."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from harness.profiles.scenarios import Scenario
    from harness.profiles.target import Profile, RunRequest
    from harness.promotion.destination import Destination


def choose_profile(name: str, request: RunRequest) -> Profile:
    """Find the profile of ``--profile``."""
    from harness.profiles import UnknownProfile, find_profile

    try:
        return find_profile(name, request)
    except UnknownProfile as error:
        raise click.BadParameter(str(error), param_hint="--profile") from error


def choose_destination(name: str, request: RunRequest) -> Destination:
    """Find the account of a profile that must be one of kind aws."""
    destination = choose_profile(name, request).destination
    if destination is None:
        raise click.BadParameter(f"{name!r} is not a profile of kind aws", param_hint="--profile")
    return destination


def choose_scenarios(root: Path, words: tuple[str, ...]) -> list[Scenario]:
    """Find the scenarios of the command line: by name, by file or by tag; all of them without any word."""
    from harness.profiles.scenarios import UnknownScenario, choose

    try:
        return choose(root, words)
    except UnknownScenario as error:
        raise click.BadParameter(str(error), param_hint="SCENARIO") from error
