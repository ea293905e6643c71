"""Finds and removes, by their labels, containers and networks of emulators that are gone."""

from __future__ import annotations

import logging
import platform
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from harness.runners.docker.containers import EMULATOR, HOST, RUN, STATE
from harness.runners.docker.engine import DockerEngine

_log = logging.getLogger(__name__)


def sweep(engine: DockerEngine, state: Path) -> list[str]:
    """Those of this state folder, whose one emulator is the caller, and those of processes that no longer live."""
    client = engine.client
    labelled: dict[str, Any] = {"filters": {"label": STATE}}
    containers = [each for each in client.containers(all=True, **labelled) if _abandoned(each.get("Labels"), state)]
    networks = [each for each in client.networks(**labelled) if _abandoned(each.get("Labels"), state)]
    return [
        *[
            f"container of {each['Labels'].get(RUN, 'a job')}"
            for each in containers
            if _gone(lambda identity: client.remove_container(identity, force=True, v=True), each["Id"])
        ],
        *[f"network {each['Name']}" for each in networks if _gone(client.remove_network, each["Id"])],
    ]


def _abandoned(labels: Mapping[str, str] | None, state: Path) -> bool:
    labels = labels or {}
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
