"""Removal of containers and networks that a killed emulator left in Docker Engine; labels identify them."""

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
    """Remove containers and networks of earlier emulators of this state folder and of processes that have ended."""
    client = engine.client
    labelled: dict[str, Any] = {"filters": {"label": STATE}}

    def remove_container(identity: str) -> None:
        client.remove_container(identity, force=True, v=True)

    removed = []
    for container in client.containers(all=True, **labelled):
        own = container.get("Labels") or {}
        if is_abandoned(own, state) and _try_remove(remove_container, container["Id"]):
            _give_back(engine, container, state)
            removed.append(f"container of {own.get(RUN, 'a job')}")
    networks = [each for each in client.networks(**labelled) if is_abandoned(each.get("Labels") or {}, state)]
    return removed + [f"network {each['Name']}" for each in networks if _try_remove(client.remove_network, each["Id"])]


def _give_back(engine: DockerEngine, container: Mapping[str, Any], state: Path) -> None:
    """Give the files that a container wrote below the state folder to the user, so that they can be removed."""
    sources = (Path(mount.get("Source", "")) for mount in container.get("Mounts") or ())
    folders = tuple(source for source in sources if source.is_dir() and source.is_relative_to(state))
    give_to_user(engine, container["ImageID"], folders, dict(container["Labels"]))


def is_abandoned(labels: Mapping[str, str], state: Path) -> bool:
    """Return whether the emulator in these labels has ended; the caller is the only emulator of ``state``."""
    if labels.get(STATE) == str(state):
        return True
    # Whether processes of another machine or container are running cannot be checked from here.
    return labels.get(HOST) == platform.node() and not Path("/proc", labels.get(EMULATOR, "?")).exists()


def _try_remove(remove: Callable[[str], object], identity: str) -> bool:
    try:
        remove(identity)
    except Exception as error:
        _log.warning("what a killed emulator left in Docker Engine could not be removed: %s", error)
        return False
    return True
