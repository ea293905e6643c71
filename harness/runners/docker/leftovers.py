"""Finds and removes, by their labels, containers and networks of emulators that are gone."""

from __future__ import annotations

import logging
import platform
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from harness.runners.docker.containers import EMULATOR, HOST, RUN, STATE
from harness.runners.docker.engine import DockerEngine
from harness.runners.docker.ownership import give_to_user

_log = logging.getLogger(__name__)


def sweep(engine: DockerEngine, state: Path) -> list[str]:
    """Those of this state folder, whose one emulator is the caller, and those of processes that no longer live."""
    client = engine.client
    labelled: dict[str, Any] = {"filters": {"label": STATE}}

    def remove_container(identity: str) -> None:
        client.remove_container(identity, force=True, v=True)

    found = []
    for container in client.containers(all=True, **labelled):
        own = container.get("Labels") or {}
        if abandoned(own, state) and _gone(remove_container, container["Id"]):
            _give_back(engine, container, state)
            found.append(f"container of {own.get(RUN, 'a job')}")
    networks = [each for each in client.networks(**labelled) if abandoned(each.get("Labels") or {}, state)]
    return found + [f"network {each['Name']}" for each in networks if _gone(client.remove_network, each["Id"])]


def _give_back(engine: DockerEngine, container: Mapping[str, Any], state: Path) -> None:
    """What it wrote below the state folder, or an ordinary user's next emulator could not clear it away."""
    sources = (Path(mount.get("Source", "")) for mount in container.get("Mounts") or ())
    folders = tuple(source for source in sources if source.is_dir() and source.is_relative_to(state))
    give_to_user(engine, container["ImageID"], folders, dict(container["Labels"]))


def abandoned(labels: Mapping[str, str], state: Path) -> bool:
    """Whether the emulator that these labels name is gone, as seen by the one emulator of ``state``."""
    if labels.get(STATE) == str(state):
        return True
    # Another machine's (or container's) processes cannot be looked at from here.
    return labels.get(HOST) == platform.node() and not Path("/proc", labels.get(EMULATOR, "?")).exists()


def _gone(remove: Callable[[str], object], identity: str) -> bool:
    try:
        remove(identity)
    except Exception as error:
        _log.warning("what a killed emulator left in Docker Engine could not be removed: %s", error)
        return False
    return True
