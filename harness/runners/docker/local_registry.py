"""Registries on this machine (``docker push localhost:5000/x:1``): which the engine knows, and fetching from them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from harness.runners.docker.engine import DockerEngine

USUAL = "localhost:5000"
LOCAL = re.compile(r"(localhost|127(?:\.\d+){3})(:\d+)?/")


def fetched(engine: DockerEngine, repository: str, tag: str) -> str:
    """The name under which a local registry's image is now in the engine; empty when none has it."""
    for registry in _registries(engine):
        if _pull(engine, f"{registry}/{repository}", tag):
            return f"{registry}/{repository}:{tag}"
    return ""


def pulled(engine: DockerEngine, reference: str) -> bool:
    """Whether a registry on this machine had what is named by its address; others are not asked."""
    if not LOCAL.match(reference):
        return False
    repository, colon, tag = reference.rpartition(":")
    return _pull(engine, repository, tag) if colon and "/" not in tag else _pull(engine, reference, "latest")


def _registries(engine: DockerEngine) -> Iterator[str]:
    """Those the engine's images were pushed to, and the usual address."""
    listed: list[dict[str, Any]] = engine.client.images()
    names = (name for image in listed for name in image.get("RepoTags") or ())
    known = {found[0].rstrip("/") for name in names if (found := LOCAL.match(name))}
    yield from sorted(known | {USUAL})


def _pull(engine: DockerEngine, repository: str, tag: str) -> bool:
    from docker.errors import APIError

    try:
        steps = list(engine.client.pull(repository, tag=tag, stream=True, decode=True))
    except APIError:  # no registry there, or it has no such image
        return False
    return not any("error" in step for step in steps)
