"""What our images take on the engine's disk, and removing them. Images of others are never touched."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from harness.runners.docker.building import BASE, CONTENT, FETCHED, TITLE
from harness.runners.docker.engine import DockerEngine
from harness.runners.docker.errors import EngineRefusal, refusal_of


@dataclass(frozen=True)
class EngineImage:
    """An image we built. ``own`` bytes are its alone; the rest it shares with its base and others of ours."""

    image_id: str
    title: str
    names: tuple[str, ...]
    size: int
    own: int
    content: str
    base: str
    fetched: int
    """Bytes of packages that lay on the disk beside it while it was built."""
    containers: int = 0
    created: float = 0.0

    @property
    def label(self) -> str:
        ours = [name for name in self.names if name.startswith("harness/")]
        return (ours or self.names)[0] if self.names else f"{self.title} (a former build, {self.image_id[7:19]})"


@dataclass(frozen=True)
class Usage:
    images: tuple[EngineImage, ...] = ()
    layers: int = field(default=0)
    """Everything in the engine, of others too; what removing frees is the difference of two of these."""


def usage(engine: DockerEngine) -> Usage:
    """``EngineRefusal`` where no engine answers."""
    try:
        told: dict[str, Any] = engine.client.df()
        running: list[dict[str, Any]] = engine.client.containers(all=True)
    except EngineRefusal:
        raise
    except Exception as error:
        raise refusal_of(error) from error
    used = [container.get("ImageID", "") for container in running]
    ours = [_image(found, used) for found in told.get("Images") or () if TITLE in (found.get("Labels") or {})]
    return Usage(tuple(sorted(ours, key=lambda image: (image.title, image.names))), int(told.get("LayersSize") or 0))


def remove(engine: DockerEngine, image: EngineImage) -> None:
    """All its names and the image. Refused by name while a container is made of it."""
    from docker.errors import APIError, ImageNotFound

    try:
        for name in image.names:
            engine.client.remove_image(name)
        if not image.names:
            engine.client.remove_image(image.image_id)
    except ImageNotFound:
        return  # someone else was faster
    except APIError as error:
        raise EngineRefusal(f"{image.label} is kept: {error.explanation or error}") from error


def _image(found: dict[str, Any], used: list[str]) -> EngineImage:
    labels = found["Labels"]
    size = int(found.get("Size") or 0)
    return EngineImage(
        image_id=found["Id"],
        title=labels[TITLE],
        names=tuple(name for name in found.get("RepoTags") or () if name != "<none>:<none>"),
        size=size,
        own=size - max(int(found.get("SharedSize") or 0), 0),
        content=labels.get(CONTENT, ""),
        base=labels.get(BASE, ""),
        fetched=int(labels.get(FETCHED) or 0),
        containers=used.count(found["Id"]),
        created=float(found.get("Created") or 0),
    )
