"""Profiles: where a scenario runs. The scenario is the same for all of them.

local     the emulator on this machine, offline, jobs as host processes
docker    the same with jobs in containers of Docker Engine
aws       a real account, described by its table in ``harness.toml``; needs no emulator and never starts one
localmode the same with jobs in the containers of the SDK's own local mode
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from harness.kernel.errors import ConfigurationError
from harness.profiles.aws import AwsProfile
from harness.profiles.local import LocalProfile
from harness.profiles.localmode import LocalModeProfile
from harness.profiles.target import Profile, RunRequest
from harness.settings import FILE, read_project

__all__ = ["KINDS", "UnknownProfile", "find_profile", "known_profiles", "profiles_on_aws"]

KINDS: Mapping[str, Callable[[str, RunRequest], Profile]] = {
    "local": LocalProfile,
    "localmode": LocalModeProfile,
    "docker": lambda name, request: LocalProfile(name, request, {"runner": "docker"}),
    "aws": AwsProfile,
}
"""The values of ``kind`` in a ``[profiles.NAME]`` table; each is also a profile by its own name."""
_ON_AWS = ("aws",)


class UnknownProfile(Exception):
    """A name on the command line that is no profile."""


def known_profiles(root: Path) -> list[str]:
    """List the names of all profiles of a project."""
    return list(dict.fromkeys((*KINDS, *read_project(root).profiles)))


def profiles_on_aws(root: Path) -> frozenset[str]:
    """Return the names of the profiles that run on AWS, without reading the rest of their tables."""
    tables = read_project(root).profiles
    return frozenset(name for name in known_profiles(root) if tables.get(name, {}).get("kind", name) in _ON_AWS)


def find_profile(name: str, request: RunRequest) -> Profile:
    """Find a profile of ``harness.toml``, or a kind by its own name. Nothing is started yet."""
    table = dict(read_project(request.root).profiles.get(name, {}))
    if not table and name not in KINDS:
        raise UnknownProfile(f"no profile {name!r}; known: {', '.join(known_profiles(request.root))}")
    kind = table.pop("kind", name)
    if kind not in KINDS:
        raise ConfigurationError(FILE, f"profile {name!r}: kind {kind!r} is none of {', '.join(KINDS)}", key="kind")
    return KINDS[kind](name, replace(request, table=table))
