"""The image catalogue: AWS image URI -> the program folder, Python environment and commands that stand for it."""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from harness.contract.containers import Command, Images
from harness.runners.spec import Environment, RunSpec

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

IMAGES = Path(__file__).parent.parent / "images"
HARNESS_ENVIRONMENT = Environment("harness")

_TAG_ENDINGS = re.compile(r"(-cpu)?(-py\d+)?$")


class UnknownImage(Exception):
    """No entry of the catalogue stands for the URI; the message says what is known."""


@dataclass(frozen=True)
class Image:
    """What runs for one image URI. Scripts are absolute paths; ``""`` in ``scripts`` is the image's own entrypoint."""

    name: str
    version: str
    repositories: tuple[str, ...]
    folder: Path
    environment: Environment
    locked: Environment
    """The environment of its lock, whatever the harness's own holds: what its Docker image is built with."""
    scripts: Mapping[str, Path] = field(default_factory=dict)
    preload: tuple[str, ...] = ()
    release: str = ""
    runs: str = ""

    @property
    def title(self) -> str:
        """How ``harness images`` names it: ``xgboost:3.0-5``."""
        return f"{self.name}:{self.version}" if self.version else self.name

    @property
    def docker_name(self) -> str:
        """The image in Docker Engine that ``harness images build`` makes from the same folder."""
        return f"harness/{self.repositories[0]}:{self.version or 'latest'}"

    def command(self, word: str) -> tuple[str, ...] | None:
        """The argv for ``train``, ``serve`` or ``""`` (no argument); None when the image has no such program."""
        script = self.scripts.get(word)
        return ("python3", str(script)) if script else None

    def warm_modules(self, argv: tuple[str, ...]) -> tuple[str, ...]:
        """What to import ahead for a command; a program that is no Python must not wait for imports."""
        return self.preload if argv[0] in ("python", "python3") else ()

    def offers(self, word: str) -> bool:
        return word in self.scripts

    def started(self, spec: RunSpec, command: Command) -> RunSpec:
        """ENTRYPOINT + the word; a given entrypoint replaces both, arguments follow."""
        own = self.command(command.word)
        start = command.entrypoint or own or ((command.word,) if command.word else ("python3",))
        return replace(
            spec,
            argv=(*start, *command.arguments),
            environment=self.environment,
            env={"HARNESS_IMAGE_TAG": self.version, **spec.env} if command.word else spec.env,
            preload=self.warm_modules(start),
            visible=(self.folder,),
            needs_absolute_root=start != own,
        )

    @property
    def network_interface(self) -> str:
        return "lo"

    @property
    def stand_in(self) -> str:
        """The line that tells what runs in place of the AWS image; empty when it is the very same release."""
        if self.release == self.runs:
            return ""
        return f"{self.title}: {self.runs} stands in for {self.release}"


@cache
def load_catalog() -> tuple[Image, ...]:
    """Every image and version, in the order of the file. Reads package data only."""
    tables = tomllib.loads((IMAGES / "catalog.toml").read_text())
    return tuple(
        _image(name, table, version, details)
        for name, table in tables.items()
        for version, details in table["versions"].items()
    )


def resolve_image(uri: str) -> Image:
    """The image a URI names: by the last part of its repository and its tag, in any registry, account and region."""
    path, tag = _split(uri)
    repository = path.rsplit("/", 1)[-1]
    versions = [image for image in load_catalog() if repository in image.repositories]
    if not versions:
        known = ", ".join(sorted({name for image in load_catalog() for name in image.repositories}))
        raise UnknownImage(f"image {uri!r} is not in the catalogue and there is no Docker to pull it; known: {known}")
    for image in versions:
        if image.version in (tag, _TAG_ENDINGS.sub("", tag)) or not image.version:
            return image
    offered = ", ".join(image.version for image in versions)
    raise UnknownImage(f"image {uri!r}: version {tag or 'latest'!r} is not supported; supported: {offered}")


def own_image(uri: str) -> tuple[str, str] | None:
    """The image that ``harness images build`` makes for a URI, and what it is called there; None if it makes none."""
    try:
        image = resolve_image(uri)
    except UnknownImage:
        return None
    return image.docker_name, image.title


CATALOGUED = Images(resolve_image)
"""What there is without a container engine."""


def _split(uri: str) -> tuple[str, str]:
    """Repository path and tag. A colon before the last slash belongs to the registry's port, not to a tag."""
    path = uri.partition("@")[0]
    slash = path.rfind("/")
    colon = path.rfind(":")
    return (path[:colon], path[colon + 1 :]) if colon > slash else (path, "")


def _image(name: str, table: Mapping[str, Any], version: str, details: Mapping[str, Any]) -> Image:
    folder = IMAGES / table["folder"]
    name_of_lock = f"{name}-{version}" if version else name
    locked = Environment(name_of_lock, folder / details["lock"], details["python"], _stand_in(details))
    words = {"train": "train", "serve": "serve", "entrypoint": ""}
    return Image(
        name=name,
        version=version,
        repositories=tuple(table["repositories"]),
        folder=folder,
        environment=_environment(locked, details),
        locked=locked,
        scripts={word: folder / table[key] for key, word in words.items() if key in table},
        preload=tuple(table.get("preload", ())),
        release=details["release"],
        runs=details["runs"],
    )


def _environment(locked: Environment, details: Mapping[str, Any]) -> Environment:
    if "pins" in details and all(_installed(package) == release for package, release in details["pins"].items()):
        return HARNESS_ENVIRONMENT
    return locked


def _stand_in(details: Mapping[str, Any]) -> str:
    """Said when the wanted Python is not to be had and a package of the harness's own environment runs instead."""
    package = details.get("stand_in")
    if package is None:
        return ""
    return (
        f"{package} {_installed(package)} on Python {platform.python_version()} stands in for {details['release']}: "
        f"no Python {details['python']} was found"
    )


@cache
def _installed(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""
