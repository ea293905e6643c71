"""The entries of ``harness images``: images of the catalogue, and environments that harness itself uses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.kernel.cache import cache_folder
from harness.runners.spec import Environment

if TYPE_CHECKING:
    from harness.contract.catalog import Image
    from harness.runners.docker.context import OwnImage


@dataclass(frozen=True)
class ImageEntry:
    """A row: an image, or an environment that is for no image (``image`` None)."""

    name: str
    runs: str
    stands_for: str
    environment: Environment
    image: Image | None = None


def entries() -> Iterator[ImageEntry]:
    from harness.contract.catalog import load_catalog
    from harness.emulator.localstack import ENVIRONMENT as LOCALSTACK
    from harness.profiles.sdk_environments import V3

    for image in load_catalog():
        stands_for = "" if image.runs == image.release else image.release
        yield ImageEntry(image.display_name, image.runs, stands_for, image.environment, image)
    yield ImageEntry(V3.name, "SageMaker Python SDK v3, for scenarios of that generation", "", V3)
    yield ImageEntry(LOCALSTACK.name, "LocalStack without Docker, for --aws-backend localstack", "", LOCALSTACK)


def select_entries(names: Iterable[str], known: Iterable[ImageEntry]) -> list[ImageEntry]:
    """Choose entries by their name, their environment, or the image's name in Docker Engine; "all" is all."""
    listed = list(known)
    if "all" in names:
        return listed
    return [_find_entry(name, listed) for name in names]


def own_image(image: Image) -> OwnImage:
    from harness.runners.docker.context import OwnImage

    locks: dict[str, Path] = {}
    for candidate in image.locked.candidates:
        if candidate.python and candidate.lock:
            locks.setdefault(candidate.python, candidate.lock)
    folder, *shared = image.program_folders
    return OwnImage(image.display_name, image.docker_name, image.version, folder, locks, *shared)


def build_folder() -> Path:
    """Return the folder for packages while an image is built: on the disk of the environments, near uv's cache."""
    return cache_folder("images")


def _find_entry(name: str, listed: list[ImageEntry]) -> ImageEntry:
    for entry in listed:
        if name in (entry.name, entry.environment.name) or (entry.image and name == entry.image.docker_name):
            return entry
    known = ", ".join(entry.name for entry in listed)
    raise click.BadParameter(f"no image {name!r}; known: {known}", param_hint="NAME")
