"""Ownership of the files that containers leave in a job's folders: they are given to the user of the emulator.

Files written by a container's root belong to the host's root; an image's ``USER`` may have any user id.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

from harness.kernel.job_files import has_foreign_files
from harness.runners.docker.engine import DockerEngine

_TARGET = "/harness"
_TOOLS = ("/usr", "/bin", "/lib", "/lib64")
"""Folders of the host that contain ``chown``, for images without it."""

_log = logging.getLogger(__name__)


def give_to_user(engine: DockerEngine, image: str, folders: tuple[Path, ...], labels: dict[str, str]) -> None:
    """Run ``chown`` on the folders in a container, unless the user is root or owns all files already."""
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
    targets = {str(folder): f"{_TARGET}/{number}" for number, folder in enumerate(folders)}
    mounts: list[dict[str, Any]] = [{"Type": "bind", "Source": path, "Target": at} for path, at in targets.items()]
    mounts += [
        {"Type": "bind", "Source": path, "Target": path, "ReadOnly": True} for path in tools if Path(path).is_dir()
    ]
    client = engine.client
    body = {
        "Image": image,
        "User": "0:0",
        "Entrypoint": ["chown", "-hR", owner, *targets.values()],
        "Env": ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"],
        "Labels": labels,
        "HostConfig": {"NetworkMode": "none", "Mounts": mounts, "LogConfig": {"Type": "none", "Config": {}}},
    }
    container = client.create_container_from_config(body)["Id"]
    try:
        client.start(container)
        return bool(client.wait(container)["StatusCode"] == 0)
    except Exception as error:
        if "not found" in str(error) or "no such file" in str(error):
            return False
        raise
    finally:
        client.remove_container(container, force=True)
