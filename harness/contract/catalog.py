"""The image catalogue: AWS image URI -> the program folder, Python environment and commands that stand for it."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from harness.contract.containers import Command, ImageSource
from harness.kernel.errors import UserError
from harness.runners.spec import Environment, RunSpec

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

IMAGES = Path(__file__).parent.parent / "images"
HARNESS_ENVIRONMENT = Environment("harness")

_TAG_ENDING = re.compile(r"-cpu-py3$")
_PYTHON_ENDING = re.compile(r"(-cpu)?(-py\d+)?$")


class UnknownImage(UserError):
    """No entry of the catalogue stands for an image URI. The remedy lists the known ones."""


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
    tags: tuple[str, ...] = ()
    """Other tags that the image was published under."""
    accounts: tuple[str, ...] = ()
    """The accounts whose repository is meant; empty: any."""
    usual: bool = False
    """Whether the scenarios take this version: it is built without being named, and its jobs are started warm."""

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
    account = path.partition(".")[0]
    versions = [
        image
        for image in load_catalog()
        if repository in image.repositories and (not image.accounts or account in image.accounts)
    ]
    if not versions:
        known = ", ".join(sorted({name for image in load_catalog() for name in image.repositories}))
        raise UnknownImage(
            f"image {uri!r} is not in the catalogue", f"without Docker it cannot be pulled: use one of {known}"
        )
    for name in (tag, _TAG_ENDING.sub("", tag), _PYTHON_ENDING.sub("", tag)):
        for image in versions:
            if name == image.version or name in image.tags or not image.version:
                return image
    offered = ", ".join(image.version for image in versions)
    raise UnknownImage(f"image {uri!r}: version {tag or 'latest'!r} is not supported", f"supported: {offered}")


def own_image(uri: str) -> tuple[str, str] | None:
    """The image that ``harness images build`` makes for a URI, and what it is called there; None if it makes none."""
    try:
        image = resolve_image(uri)
    except UnknownImage:
        return None
    return image.docker_name, image.title


CATALOGUED = ImageSource(resolve_image)
"""What there is without a container engine."""


def _split(uri: str) -> tuple[str, str]:
    """Repository path and tag. A colon before the last slash belongs to the registry's port, not to a tag."""
    path = uri.partition("@")[0]
    slash = path.rfind("/")
    colon = path.rfind(":")
    return (path[:colon], path[colon + 1 :]) if colon > slash else (path, "")


def _image(name: str, table: Mapping[str, Any], version: str, details: Mapping[str, Any]) -> Image:
    folder = IMAGES / table["folder"]
    locked = _locked(name, table, version)
    words = {"train": "train", "serve": "serve", "entrypoint": ""}
    return Image(
        name=name,
        version=version,
        repositories=tuple(details.get("repositories", table["repositories"])),
        folder=folder,
        environment=HARNESS_ENVIRONMENT if details.get("own") else locked,
        locked=locked,
        scripts={word: folder / table[key] for key, word in words.items() if key in table},
        preload=tuple(table.get("preload", ())),
        release=details["release"],
        runs=details["runs"],
        tags=tuple(details.get("also", ())),
        accounts=tuple(details.get("accounts", ())),
        usual=details.get("usual", False),
    )


def _locked(name: str, table: Mapping[str, Any], version: str) -> Environment:
    """The environment of a version: its first lock on that lock's first Python; the alternatives follow in order."""
    versions = table["versions"]
    release = versions[version]["release"]
    builds = _builds(table, versions[version])
    if "stand_in" in versions[version]:
        builds += _builds(table, versions[versions[version]["stand_in"]])
    named = f"{name}-{version}" if version else name
    (lock, first, _), *others = builds
    alternatives = (
        Environment(
            named,
            other,
            python,
            notice=f"{runs} on Python {python} stands in for {release}: no Python {first} was found",
        )
        for other, python, runs in others
    )
    return Environment(named, lock, first, tuple(alternatives))


def _builds(table: Mapping[str, Any], details: Mapping[str, Any]) -> list[tuple[Path, str, str]]:
    """Lock, Python and what then runs."""
    folder = IMAGES / table["folder"] / "locks"
    return [
        (folder / f"{entry['lock']}.lock", python, entry.get("runs", details["runs"]))
        for entry in details["locks"]
        for python in entry["pythons"]
    ]
