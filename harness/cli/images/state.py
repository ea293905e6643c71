"""The state of each entry, as an environment and in Docker Engine, and the disk it uses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.cli.images.entries import ImageEntry, entries, own_image

if TYPE_CHECKING:
    from harness.runners.disk import Space
    from harness.runners.docker.engine import DockerEngine
    from harness.runners.docker.usage import EngineImage, Usage


@dataclass(frozen=True)
class State:
    """``environment``: built in, built, not built. ``docker``: built, outdated, not built; empty where none is made."""

    entry: ImageEntry
    environment: str
    space: Space
    docker: str
    engine_image: EngineImage | None

    @property
    def peak(self) -> int:
        """The most that making it takes: files that are not links to uv's cache lie there as well for a while."""
        environment = self.space.size + self.space.freed
        image = self.engine_image
        return max(environment, image.fetched + image.own if image else 0)

    def facts(self) -> Mapping[str, Any]:
        entry, image = self.entry, self.engine_image
        return {
            "name": entry.name,
            "runs": entry.runs,
            "stands_in_for": entry.stands_for or None,
            "environment": self.environment,
            "environment_bytes": self.space.size,
            "docker_image": entry.image.docker_name if entry.image else None,
            "docker": self.docker or None,
            "docker_bytes": image.size if image else 0,
            "docker_own_bytes": image.own if image else 0,
            "peak_bytes": self.peak,
        }


def engine_usage() -> tuple[DockerEngine, Usage, str]:
    """Return our images in the engine; nothing, and the reason, where no engine answers."""
    from harness.runners.docker.engine import DockerEngine
    from harness.runners.docker.errors import EngineRefusal
    from harness.runners.docker.usage import Usage, usage

    engine = DockerEngine()
    try:
        return engine, usage(engine), ""
    except EngineRefusal as error:
        return engine, Usage(), str(error)


def states(engine: DockerEngine, in_engine: Usage) -> Iterator[State]:
    images = {name: image for image in in_engine.images for name in image.names}
    for entry in entries():
        environment, space = _environment(entry)
        image = images.get(entry.image.docker_name) if entry.image else None
        yield State(entry, environment, space, _docker(engine, entry, image), image)


def cached_wheels() -> int:
    """Bytes in uv's own cache, which all projects of this user share; 0 when there is none."""
    from harness.runners.disk import space_of
    from harness.runners.uv import UvFailed, UvMissing, run_uv

    said: list[str] = []
    try:
        run_uv(["cache", "dir"], said.append)
    except (UvFailed, UvMissing):
        return 0
    return space_of(Path(said[-1])).size if said else 0


def _environment(entry: ImageEntry) -> tuple[str, Space]:
    from harness.runners.disk import Space, space_of
    from harness.runners.process.environments import Environments
    from harness.runners.process.errors import EnvironmentMissing

    if entry.environment.lock is None:
        return "built in", Space()
    try:
        python = Environments().path(entry.environment)
    except EnvironmentMissing:
        return "not built", Space()
    return "built", space_of(python.parent.parent)


def _docker(engine: DockerEngine, entry: ImageEntry, image: EngineImage | None) -> str:
    from harness.runners.docker.building import find_image
    from harness.runners.docker.context import content_hash

    if entry.image is None:
        return ""
    if image is None:
        return "not built"
    base = find_image(engine, image.base)
    # Without its base nobody can say; it is what it was when it was built.
    if base is not None and content_hash(own_image(entry.image), base["Id"]) != image.content:
        return "outdated"
    return "built"
