"""The image catalogue: maps an AWS image URI to harness's program folder, Python environment and commands for it."""

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
TOOLKIT = IMAGES / "toolkit"
"""The programs that the images of frameworks share."""
HARNESS_ENVIRONMENT = Environment("harness")

_TAG_ENDING = re.compile(r"-cpu-py3$")
_PYTHON_ENDING = re.compile(r"(-cpu)?(-py\d+)?$")


class UnknownImage(UserError):
    """The catalogue has no entry for an image URI. The remedy lists the known images."""


@dataclass(frozen=True)
class Image:
    """The programs of one image. Scripts are absolute paths; ``""`` in ``scripts`` is the image's entrypoint."""

    name: str
    version: str
    repositories: tuple[str, ...]
    folder: Path
    environment: Environment
    locked: Environment
    """The environment of the image's own lock file. Its Docker image is built with it."""
    scripts: Mapping[str, Path] = field(default_factory=dict)
    preload: tuple[str, ...] = ()
    release: str = ""
    runs: str = ""
    tags: tuple[str, ...] = ()
    """Other tags under which the image was published."""
    accounts: tuple[str, ...] = ()
    """The accounts whose repository is meant. Empty for any account."""
    toolkit: bool = False
    """True if the image runs users' scripts (script mode) with the toolkit."""
    sdk: str = ""
    """The name of the image in the SDK's ``image_uris.retrieve``."""
    classes: tuple[str, ...] = ()
    """The SDK's classes that use the image."""
    service: str = ""
    """The part of SageMaker that AWS has closed to new customers and that the image belongs to, if any."""
    usual: bool = False
    """True if the scenarios use this version. It is built by default, and its jobs run in pre-started processes."""

    @property
    def display_name(self) -> str:
        """Return the name in ``harness images``, such as ``xgboost:3.0-5``."""
        return f"{self.name}:{self.version}" if self.version else self.name

    @property
    def docker_name(self) -> str:
        """Return the name of the Docker image that ``harness images build`` makes of the same folder."""
        return f"harness/{self.repositories[0]}:{self.version or 'latest'}"

    def command(self, word: str) -> tuple[str, ...] | None:
        """Return the argv for ``train``, ``serve`` or ``""`` (no argument). None if the image has no such program."""
        script = self.scripts.get(word)
        return ("python3", str(script)) if script else None

    def warm_modules(self, argv: tuple[str, ...]) -> tuple[str, ...]:
        """Return the modules to import before a command starts. None are imported for programs other than Python."""
        return self.preload if argv[0] in ("python", "python3") else ()

    def has_program(self, word: str) -> bool:
        return word in self.scripts

    def command_spec(self, spec: RunSpec, command: Command) -> RunSpec:
        """Return ``spec`` with the command: ENTRYPOINT and word, or the request's entrypoint, then the arguments."""
        own = self.command(command.word)
        start = command.entrypoint or own or ((command.word,) if command.word else ("python3",))
        return replace(
            spec,
            argv=(*start, *command.arguments),
            environment=self.environment,
            env={"HARNESS_IMAGE_TAG": self.version, **spec.env} if command.word else spec.env,
            preload=self.warm_modules(start),
            visible=self.program_folders,
            needs_absolute_root=start != own,
        )

    @property
    def program_folders(self) -> tuple[Path, ...]:
        """Return the folders that the image's programs are made of."""
        return (self.folder, TOOLKIT) if self.toolkit else (self.folder,)

    @property
    def network_interface(self) -> str:
        return "lo"

    @property
    def stand_in(self) -> str:
        """Return a line that says what runs in place of the AWS image. Empty if it is the same release."""
        if self.release == self.runs:
            return ""
        return f"{self.display_name}: {self.runs} stands in for {self.release}"


@cache
def load_catalog() -> tuple[Image, ...]:
    """Return every image and version, in the order of ``catalog.toml``."""
    tables = tomllib.loads((IMAGES / "catalog.toml").read_text())
    return tuple(
        _image(name, table, version, details)
        for name, table in tables.items()
        for version, details in table["versions"].items()
    )


def resolve_image(uri: str) -> Image:
    """Return the image for a URI, by the last part of its repository and its tag, whatever its registry and region."""
    path, tag = _split_uri(uri)
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
    """Return the name and display name of the image that ``harness images build`` makes for a URI, or None."""
    try:
        image = resolve_image(uri)
    except UnknownImage:
        return None
    return image.docker_name, image.display_name


CATALOGUED = ImageSource(resolve_image)
"""The images that are available without a container engine."""


def _split_uri(uri: str) -> tuple[str, str]:
    """Return repository path and tag. A colon before the last slash belongs to the registry's port, not to a tag."""
    path = uri.partition("@")[0]
    slash = path.rfind("/")
    colon = path.rfind(":")
    return (path[:colon], path[colon + 1 :]) if colon > slash else (path, "")


def _image(name: str, table: Mapping[str, Any], version: str, details: Mapping[str, Any]) -> Image:
    folder = IMAGES / table["folder"]
    locked = _locked_environment(name, table, version)
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
        toolkit=table.get("toolkit", False),
        sdk=table.get("sdk", ""),
        classes=tuple(table.get("classes", ())),
        service=table.get("service", ""),
        usual=details.get("usual", False),
    )


def _locked_environment(name: str, table: Mapping[str, Any], version: str) -> Environment:
    """Return the environment of a version: its first lock file with that one's first Python, then the alternatives."""
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
            notice=f"{runs} on Python {python} stands in for {release}: no Python {first} is installed",
        )
        for other, python, runs in others
    )
    return Environment(named, lock, first, tuple(alternatives))


def _builds(table: Mapping[str, Any], details: Mapping[str, Any]) -> list[tuple[Path, str, str]]:
    """Return lock file, Python version and name of the release for each way to build the environment."""
    folder = IMAGES / table["folder"] / "locks"
    return [
        (folder / f"{entry['lock']}.lock", python, entry.get("runs", details["runs"]))
        for entry in details["locks"]
        for python in entry["pythons"]
    ]
