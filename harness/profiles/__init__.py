"""Profiles: where a scenario runs. A name gives a place; the scenario does not learn which one it is.

local    the emulator on this machine, offline, jobs as host processes
"""

from harness.profiles.local import LocalProfile

__all__ = ["PROFILES", "LocalProfile"]

PROFILES = {"local": LocalProfile}
