"""Choice of the local Docker image that runs for the image URI of a job."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from harness.runners.docker.engine import DockerEngine
from harness.runners.docker.errors import OUT_OF_SPACE, EngineRefusal, refusal_of
from harness.runners.docker.local_registry import fetch, pull

Own = Callable[[str], "tuple[str, str] | None"]
"""Maps a URI to harness's image for it and that image's name in ``harness images build``; None if there is none."""


class Name(NamedTuple):
    """An image reference, split into its parts; ``registry`` ends with a slash unless it is empty."""

    registry: str
    repository: str
    tag: str

    @classmethod
    def of(cls, reference: str) -> Name:
        path, _, _ = reference.partition("@")
        first, slash, rest = path.partition("/")
        registry = ""
        if slash and (re.search(r"[.:]", first) or first == "localhost"):
            registry, path = f"{first}/", rest
        repository, _, tag = path.partition(":")
        return cls(registry, repository, tag or "latest")

    @property
    def last(self) -> str:
        return self.repository.rsplit("/", 1)[-1]


class LocalImage(NamedTuple):
    """An image in the engine; ``why`` explains a substitution and is empty if the image is the one that was named."""

    reference: str
    why: str = ""


class Images:
    """Finds images in an engine. ``mapped`` is the user's table: URI, repository:tag or repository -> local image."""

    def __init__(
        self, engine: DockerEngine, mapped: Mapping[str, str], own: Own = lambda uri: None, *, pull: bool = False
    ) -> None:
        self._engine = engine
        self._mapped = mapped
        self._own = own
        self._pull = pull

    def resolve(self, uri: str, tell: Callable[[str], None] = lambda line: None) -> LocalImage:
        """Return the engine's image for ``uri``; ``tell`` gets lines while an image is pulled.

        Raises ``EngineRefusal``, which says what was looked for and what to do.
        """
        for key in _keys(uri):
            if key in self._mapped:
                return self._resolve_mapped(uri, key)
        if self._is_present(uri):
            return LocalImage(uri)
        own = self._own(uri)
        if own and self._is_present(own[0]):
            return LocalImage(own[0], f"{own[0]} stands for {uri}")
        if "@" not in uri:
            for reference in self._same_name(uri):
                return LocalImage(reference, f"{reference} stands for {uri}")
            if reference := fetch(self._engine, Name.of(uri).repository, Name.of(uri).tag):
                return LocalImage(reference, f"{reference} stands for {uri}")
        remedy = _remedy(uri, own)
        if not self._pull:
            raise EngineRefusal(f"image {uri} is not in Docker Engine, and pulling is switched off: {remedy}")
        self._pull_image(uri, remedy, tell)
        return LocalImage(uri)

    def _resolve_mapped(self, uri: str, key: str) -> LocalImage:
        reference = self._mapped[key]
        if not self._is_present(reference) and not pull(self._engine, reference):
            raise EngineRefusal(
                f"image {reference}, which [images] of harness.toml names for {key!r}, is not in Docker Engine: build, "
                "load or pull it, or change the entry"
            )
        return LocalImage(
            reference, f"{reference} stands for {uri} ([images] of harness.toml)" if reference != uri else ""
        )

    def _is_present(self, reference: str) -> bool:
        from docker.errors import ImageNotFound

        try:
            self._engine.client.inspect_image(reference)
        except ImageNotFound:
            return False
        except EngineRefusal:
            raise
        except Exception as error:
            raise refusal_of(error) from error
        return True

    def _same_name(self, uri: str) -> Iterator[str]:
        """Yield images with the same repository and tag, whatever their registry."""
        requested = Name.of(uri)
        listed: list[dict[str, Any]] = self._engine.client.images()
        for name in sorted(tag for image in listed for tag in image.get("RepoTags") or ()):
            if Name.of(name)[1:] == requested[1:]:
                yield name

    def _pull_image(self, uri: str, remedy: str, tell: Callable[[str], None]) -> None:
        tell(f"[harness] image {uri} is not in Docker Engine: pulling it")
        name = Name.of(uri)
        tag = uri.partition("@")[2] or name.tag
        try:
            for step in self._engine.client.pull(name.registry + name.repository, tag=tag, stream=True, decode=True):
                if "error" in step:
                    raise EngineRefusal(_explain_failed_pull(uri, str(step["error"]), remedy))
        except EngineRefusal:
            raise
        except Exception as error:
            text = str(getattr(error, "explanation", None) or error)
            raise EngineRefusal(_explain_failed_pull(uri, text, remedy)) from error
        tell(f"[harness] image {uri} is pulled")


def _keys(uri: str) -> tuple[str, ...]:
    name = Name.of(uri)
    paths = dict.fromkeys((name.repository, name.last))
    return (uri, *(f"{path}:{name.tag}" for path in paths), *paths)


def _remedy(uri: str, own: tuple[str, str] | None) -> str:
    build = f"`harness images build {own[1]}` makes harness's own; or " if own else ""
    return (
        f"{build}`docker tag YOUR-IMAGE {uri}` makes one of yours stand for it, as does an entry in [images] of "
        "harness.toml"
    )


def _explain_failed_pull(uri: str, why: str, remedy: str) -> str:
    if "no space left on device" in why.lower():
        return OUT_OF_SPACE
    login = ""
    if re.search(r"denied|unauthorized|no basic auth|authentication", why, re.IGNORECASE):
        login = f"log in (`docker login {Name.of(uri).registry.rstrip('/')}`) and try again; or "
    return f"image {uri} is not in Docker Engine and could not be pulled ({why.strip()}): {login}{remedy}"
