"""Disk usage of the images that harness built, and their removal. Other images are never touched."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from harness.runners.docker.building import BASE, CONTENT, FETCHED, TITLE
from harness.runners.docker.engine import DockerEngine
from harness.runners.docker.errors import EngineRefusal, refusal_of


@dataclass(frozen=True)
class EngineImage:
    """An image that harness built. ``own`` bytes are not shared with its base or with other images."""

    image_id: str
    title: str
    names: tuple[str, ...]
    size: int
    own: int
    content: str
    base: str
    fetched: int
    """Bytes of packages that were on disk temporarily while it was built."""
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
    """Bytes of all layers in the engine. The difference before and after a removal is the space it freed."""


def usage(engine: DockerEngine) -> Usage:
    """Return what harness's images use. Raise ``EngineRefusal`` if Docker Engine is not available."""
    try:
        report: dict[str, Any] = engine.client.df()
        running: list[dict[str, Any]] = engine.client.containers(all=True)
    except EngineRefusal:
        raise
    except Exception as error:
        raise refusal_of(error) from error
    used = [container.get("ImageID", "") for container in running]
    ours = [_image(summary, used) for summary in report.get("Images") or () if TITLE in (summary.get("Labels") or {})]
    return Usage(tuple(sorted(ours, key=lambda image: (image.title, image.names))), int(report.get("LayersSize") or 0))


def remove(engine: DockerEngine, image: EngineImage) -> None:
    """Remove an image with all its tags. Raise ``EngineRefusal`` while a container uses it."""
    from docker.errors import APIError, ImageNotFound

    try:
        for name in image.names:
            engine.client.remove_image(name)
        if not image.names:
            engine.client.remove_image(image.image_id)
    except ImageNotFound:
        return  # removed by another process
    except APIError as error:
        raise EngineRefusal(f"{image.label} is kept: {error.explanation or error}") from error


def _image(summary: dict[str, Any], used: list[str]) -> EngineImage:
    labels = summary["Labels"]
    size = int(summary.get("Size") or 0)
    return EngineImage(
        image_id=summary["Id"],
        title=labels[TITLE],
        names=tuple(name for name in summary.get("RepoTags") or () if name != "<none>:<none>"),
        size=size,
        own=size - max(int(summary.get("SharedSize") or 0), 0),
        content=labels.get(CONTENT, ""),
        base=labels.get(BASE, ""),
        fetched=int(labels.get(FETCHED) or 0),
        containers=used.count(summary["Id"]),
        created=float(summary.get("Created") or 0),
    )
