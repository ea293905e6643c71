"""Pulling images from registries on this machine (``docker push localhost:5000/x:1``)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from harness.runners.docker.engine import DockerEngine

USUAL = "localhost:5000"
LOCAL = re.compile(r"(localhost|127(?:\.\d+){3})(:\d+)?/")


def fetch(engine: DockerEngine, repository: str, tag: str) -> str:
    """Pull an image from the first local registry that has it; return its name, or an empty string if none has it."""
    for registry in _registries(engine):
        if _pull(engine, f"{registry}/{repository}", tag):
            return f"{registry}/{repository}:{tag}"
    return ""


def pull(engine: DockerEngine, reference: str) -> bool:
    """Pull an image named by the address of a local registry; return whether it worked. Other names are not tried."""
    if not LOCAL.match(reference):
        return False
    repository, colon, tag = reference.rpartition(":")
    return _pull(engine, repository, tag) if colon and "/" not in tag else _pull(engine, reference, "latest")


def _registries(engine: DockerEngine) -> Iterator[str]:
    """Yield the local registries in the names of the engine's images, and the usual one."""
    listed: list[dict[str, Any]] = engine.client.images()
    names = (name for image in listed for name in image.get("RepoTags") or ())
    known = {match[0].rstrip("/") for name in names if (match := LOCAL.match(name))}
    yield from sorted(known | {USUAL})


def _pull(engine: DockerEngine, repository: str, tag: str) -> bool:
    from docker.errors import APIError

    try:
        steps = list(engine.client.pull(repository, tag=tag, stream=True, decode=True))
    except APIError:  # no registry at that address, or it has no such image
        return False
    return not any("error" in step for step in steps)
