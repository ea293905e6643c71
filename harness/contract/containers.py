"""What an image is to a plan, whoever runs it: how its program is started, and what it is called.

Images of the catalogue are programs of this package (``catalog``); images of a container engine are known by their URI
alone, and whether the engine has them is found out when one is to start.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Protocol

from harness.contract.instance_types import resources_of
from harness.runners.spec import Container, RunSpec


@dataclass(frozen=True)
class Command:
    """``docker run IMAGE word``, with the overrides of ``ENTRYPOINT`` and of the arguments that a request may bring.

    ``word`` is ``train``, ``serve`` or, for processing, empty.
    """

    word: str
    instance_type: str
    entrypoint: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()


class ImageProtocol(Protocol):
    @property
    def name(self) -> str:
        """Of its kind: ``xgboost`` for every release of that image."""

    @property
    def title(self) -> str: ...

    @property
    def stand_in(self) -> str:
        """The line that tells what runs in its place; empty when nothing does, or when the runner tells."""

    @property
    def network_interface(self) -> str: ...

    def offers(self, word: str) -> bool:
        """Whether it has a program for the word, as far as can be told without starting it."""

    def started(self, spec: RunSpec, command: Command) -> RunSpec:
        """``spec`` with what starting the command in this image takes."""


@dataclass(frozen=True)
class ImageSource:
    """The images there are for a runner. ``find`` raises ``UnknownImage`` for a URI that can be told to be none."""

    find: Callable[[str], ImageProtocol]
    several_hosts: bool = False
    """Whether the runner runs a job on more than one instance."""
    identity: Callable[[ImageProtocol], str] = lambda image: ""
    """What tells a build of an image from another; empty for an image that is not there yet."""

    def pinned_uri(self, uri: str) -> str:
        """The URI with a digest in place of its tag, as Describe shows a resolved image; as it is if none is known."""
        identity = "" if "@" in uri else self.identity(self.find(uri))
        if not identity:
            return uri
        digest = identity if identity.startswith("sha256:") else f"sha256:{sha256(identity.encode()).hexdigest()}"
        path, slash, name = uri.rpartition("/")
        return f"{path}{slash}{name.partition(':')[0]}@{digest}"


@dataclass(frozen=True)
class ContainerImage:
    uri: str

    @property
    def name(self) -> str:
        repository = self.uri.partition("@")[0].rsplit("/", 1)[-1].partition(":")[0]
        return repository.removeprefix("sagemaker-")

    @property
    def title(self) -> str:
        return self.uri

    @property
    def stand_in(self) -> str:
        return ""

    @property
    def network_interface(self) -> str:
        return "eth0"

    def offers(self, word: str) -> bool:
        return True

    def started(self, spec: RunSpec, command: Command) -> RunSpec:
        entrypoint = command.entrypoint or None
        # The word is the argument of the image's own ENTRYPOINT: arguments replace it, another entrypoint gets none.
        word = (command.word,) if command.word and entrypoint is None else None
        container = Container(
            self.uri, entrypoint, command.arguments or word, resources=resources_of(command.instance_type)
        )
        return replace(spec, container=container)


CONTAINED = ImageSource(ContainerImage, several_hosts=True)
