"""Whose a job's folders are: any program may write in them, and what it leaves belongs to the user.

A container's root is the host's root, whoever started it; an image's ``USER`` is nobody the host need know.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

from harness.kernel.job_files import has_foreign_files
from harness.runners.docker.engine import DockerEngine

_PLACE = "/harness"
_TOOLS = ("/usr", "/bin", "/lib", "/lib64")
"""Of the host, for images that have no ``chown``."""

_log = logging.getLogger(__name__)


def give_to_user(engine: DockerEngine, image: str, folders: tuple[Path, ...], labels: dict[str, str]) -> None:
    """By a last container that does nothing else; nothing to do for root, nor where all is the user's already."""
    user = os.geteuid()
    if user == 0:
        return
    foreign = [folder for folder in folders if has_foreign_files(folder, user)]
    if not foreign:
        return
    rootless = any("rootless" in option for option in engine.info().get("SecurityOptions") or ())
    owner = "0:0" if rootless else f"{user}:{os.getegid()}"  # in a rootless engine the user is the containers' root
    try:
        for tools in ((), _TOOLS):
            if _chown(engine, image, owner, foreign, tools, labels):
                return
    except Exception as error:
        _log.warning("files of a job may belong to root: %s", error)
        return
    _log.warning("files of a job may belong to root: neither image %s nor this machine has a chown", image)


def _chown(
    engine: DockerEngine, image: str, owner: str, folders: list[Path], tools: tuple[str, ...], labels: dict[str, str]
) -> bool:
    places = {str(folder): f"{_PLACE}/{number}" for number, folder in enumerate(folders)}
    mounts: list[dict[str, Any]] = [{"Type": "bind", "Source": path, "Target": at} for path, at in places.items()]
    mounts += [
        {"Type": "bind", "Source": path, "Target": path, "ReadOnly": True} for path in tools if Path(path).is_dir()
    ]
    client = engine.client
    body = {
        "Image": image,
        "User": "0:0",
        "Entrypoint": ["chown", "-hR", owner, *places.values()],
        "Env": ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"],
        "Labels": labels,
        "HostConfig": {"NetworkMode": "none", "Mounts": mounts, "LogConfig": {"Type": "none", "Config": {}}},
    }
    made = client.create_container_from_config(body)["Id"]
    try:
        client.start(made)
        return bool(client.wait(made)["StatusCode"] == 0)
    except Exception as error:
        if "not found" in str(error) or "no such file" in str(error):
            return False
        raise
    finally:
        client.remove_container(made, force=True)
