"""Profiles: where a scenario runs. A name gives a place; the scenario does not learn which one it is.

local     the emulator on this machine, offline, jobs as host processes
docker    the same with jobs in containers of Docker Engine
aws       a real account, described by its table in ``harness.toml``; needs no emulator and never starts one
localmode the SDK's own local mode in Docker Engine, the emulator beside it for what that lacks
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from harness.kernel.errors import ConfigurationError
from harness.profiles.aws import AwsProfile
from harness.profiles.configuration import read_choices
from harness.profiles.local import LocalProfile
from harness.profiles.localmode import LocalModeProfile
from harness.profiles.target import Profile, RunRequest
from harness.settings import FILE, read_project

__all__ = ["KINDS", "UnknownProfile", "find_profile", "known_profiles"]

KINDS: Mapping[str, Callable[[str, RunRequest], Profile]] = {
    "local": LocalProfile,
    "localmode": LocalModeProfile,
    "docker": lambda name, asked: LocalProfile(name, asked, {"runner": "docker"}),
    "aws": AwsProfile,
}
"""What ``kind`` of a ``[profiles.NAME]`` table may say; each is also a profile by its own name."""


class UnknownProfile(Exception):
    """A name on the command line that names nothing."""


def known_profiles(asked: RunRequest) -> list[str]:
    return list(dict.fromkeys((*KINDS, *read_project(asked.root).profiles)))


def find_profile(name: str, asked: RunRequest) -> Profile:
    """A profile of ``harness.toml`` by its ``kind``, or a kind by its own name. Nothing is started yet."""
    table = dict(read_project(asked.root).profiles.get(name, {}))
    if not table and name not in KINDS:
        raise UnknownProfile(f"no profile {name!r}; known: {', '.join(known_profiles(asked))}")
    kind = table.pop("kind", name)
    if kind not in KINDS:
        raise ConfigurationError(FILE, f"profile {name!r}: kind {kind!r} is none of {', '.join(KINDS)}", key="kind")
    if kind != "aws":
        choices = {**read_choices(name, table), **asked.wanted.choices}
        return KINDS[kind](name, replace(asked, wanted=replace(asked.wanted, choices=choices)))
    return KINDS[kind](name, replace(asked, configuration=table))
