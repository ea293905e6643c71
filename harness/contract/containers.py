"""The interface of images, whatever runner runs them: how their program is started, and their names.

Images of the catalogue are programs of this package (``catalog``). Images of a container engine are only known by their
URI; whether the engine has one is checked when it starts.
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
    """The command of a container: ``docker run IMAGE word``, with the request's entrypoint and arguments, if any.

    ``word`` is ``train``, ``serve``, or empty for processing: see "How Amazon SageMaker AI Runs Your Training Image"
    and the similar pages for inference and processing in the developer guide.
    """

    word: str
    instance_type: str
    entrypoint: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()


class ImageProtocol(Protocol):
    @property
    def name(self) -> str:
        """Return the name that all releases of the image share, such as ``xgboost``."""

    @property
    def display_name(self) -> str: ...

    @property
    def stand_in(self) -> str:
        """Return a line that says what runs in place of the AWS image; empty if it is the image itself."""

    @property
    def network_interface(self) -> str: ...

    def has_program(self, word: str) -> bool:
        """Return False if the image is known to have no program for the word."""

    def command_spec(self, spec: RunSpec, command: Command) -> RunSpec:
        """Return ``spec`` completed with what is needed to start the command in this image."""


@dataclass(frozen=True)
class ImageSource:
    """The images that a runner can use. ``find`` raises ``UnknownImage`` for a URI that is known not to exist."""

    find: Callable[[str], ImageProtocol]
    refuses_several_hosts: Callable[[], str] = lambda: ""
    """Return why the runner cannot run a job on more than one instance; an empty text if it can."""
    identity: Callable[[ImageProtocol], str] = lambda image: ""
    """Return an identifier of the image's build. Empty for an image that has not been built or pulled."""

    def pinned_uri(self, uri: str) -> str:
        """Return the URI with a digest in place of the tag, as Describe shows a resolved image.

        The URI is returned unchanged if no digest is known.
        """
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
    def display_name(self) -> str:
        return self.uri

    @property
    def stand_in(self) -> str:
        return ""

    @property
    def network_interface(self) -> str:
        return "eth0"

    def has_program(self, word: str) -> bool:
        return True

    def command_spec(self, spec: RunSpec, command: Command) -> RunSpec:
        entrypoint = command.entrypoint or None
        # The word is the argument of the image's own ENTRYPOINT. Arguments of the request replace it; with an
        # entrypoint of the request there is no word.
        word = (command.word,) if command.word and entrypoint is None else None
        container = Container(
            self.uri, entrypoint, command.arguments or word, resources=resources_of(command.instance_type)
        )
        return replace(spec, container=container)


CONTAINED = ImageSource(ContainerImage)
