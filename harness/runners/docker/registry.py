"""The engine's images as a registry: the images that the ECR of an account would list, and tagging them."""

from __future__ import annotations

import json
import re
import tarfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from harness.runners.docker.building import TITLE, find_image
from harness.runners.docker.engine import DockerEngine
from harness.runners.docker.errors import EngineRefusal, refusal_of
from harness.runners.docker.images import Images, Name, Own
from harness.runners.docker.local_registry import LOCAL

_ECR = re.compile(r"(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/")
_OWN = "harness/"
_NO_TAG = "<none>:<none>"


@dataclass(frozen=True)
class RegistryImage:
    """One tag of a repository. ``manifest`` is a function because computing it reads the whole image."""

    repository: str
    tag: str
    digest: str
    size: int
    created: float
    manifest: Callable[[], str]


class Registry:
    """Registry view of an engine's images. ``mapped`` and ``own`` are those of ``Images``."""

    def __init__(self, engine: DockerEngine, mapped: Mapping[str, str], own: Own) -> None:
        self._engine = engine
        self._mapped = mapped
        self._images = Images(engine, mapped, own)
        self._manifests: dict[str, str] = {}

    def tag_for(self, uri: str) -> str:
        """Tag the local image for ``uri`` with that name. Raise ``EngineRefusal`` if there is none."""
        reference = self._images.resolve(uri).reference
        if reference != uri:
            name = Name.of(uri)
            self._engine.client.tag(reference, name.registry + name.repository, name.tag, force=True)
        return reference

    def images_in(self, account: str, region: str) -> list[RegistryImage]:
        """Return the images in the ECR of an account and region.

        These are images named by its URIs, mapped ones, those pushed to a local registry, and the images of harness,
        which replace AWS's in every account. Raise ``EngineRefusal`` if Docker Engine is not available.
        """
        try:
            images: list[dict[str, Any]] = self._engine.client.images()
        except EngineRefusal:
            raise
        except Exception as error:
            raise refusal_of(error) from error
        # If several images have the same repository and tag, list the one that a job would get.
        best: dict[tuple[str, str], tuple[int, RegistryImage]] = {}
        for image in images:
            for rank, repository, tag in self._names(image, account, region):
                if (repository, tag) not in best or rank < best[repository, tag][0]:
                    best[repository, tag] = rank, self._as_listed(image, repository, tag)
        return [best[name][1] for name in sorted(best)]

    def _names(self, image: Mapping[str, Any], account: str, region: str) -> Iterator[tuple[int, str, str]]:
        """Yield (rank, repository, tag) of an image; the rank is the order in which ``Images`` chooses."""
        names = [name for name in image.get("RepoTags") or () if name != _NO_TAG]
        for key, target in self._mapped.items():
            local = Name.of(target)
            if f"{local.registry}{local.repository}:{local.tag}" in names:
                yield from ((0, *entry) for entry in _mapped_names(key, local.tag, account, region))
        for text in names:
            name = Name.of(text)
            if match := _ECR.fullmatch(name.registry):
                if match.groups() == (account, region):
                    yield 1, name.repository, name.tag
            elif text.startswith(_OWN) and TITLE in (image.get("Labels") or {}):
                repository = name.repository[len(_OWN) :]
                yield 2, repository, name.tag
                if name.tag != "latest":  # AWS's registry has the release under this tag too
                    yield 2, repository, f"{name.tag}-cpu-py3"
            elif LOCAL.fullmatch(name.registry):
                yield 3, name.repository, name.tag

    def _as_listed(self, image: Mapping[str, Any], repository: str, tag: str) -> RegistryImage:
        image_id = str(image["Id"])
        pushed = (digest.partition("@") for digest in image.get("RepoDigests") or ())
        # The digest of the registry that it was pushed to, else the engine's image id.
        digests = [digest for path, _, digest in pushed if Name.of(path).repository == repository]
        return RegistryImage(
            repository=repository,
            tag=tag,
            digest=digests[0] if digests else image_id,
            size=int(image.get("Size") or 0),
            created=float(image.get("Created") or 0),
            manifest=lambda: self._manifest(image_id),
        )

    def _manifest(self, image_id: str) -> str:
        """Return a manifest, cached because the engine sends the whole image for it and an image never changes."""
        if image_id not in self._manifests:
            self._manifests[image_id] = manifest(self._engine, image_id)
        return self._manifests[image_id]


def _mapped_names(key: str, tag: str, account: str, region: str) -> Iterator[tuple[str, str]]:
    """Yield repository and tag of an entry of [images]: a URI counts in its own account and region, a name in all."""
    name = Name.of(key)
    match = _ECR.fullmatch(name.registry)
    if match is None or match.groups() == (account, region):
        # An entry without a tag applies to every tag; it is listed with the tag of the local image.
        yield name.repository, name.tag if ":" in key.rsplit("/", 1)[-1] else tag


def manifest(engine: DockerEngine, image_id: str) -> str:
    """Return the image's manifest as a registry would have it, with uncompressed layers."""
    details = find_image(engine, image_id)
    if details is None:
        raise EngineRefusal(f"image {image_id} is gone")
    sizes, links, saved = _read_archive(engine, image_id)
    layers = [
        {"mediaType": "application/vnd.oci.image.layer.v1.tar", "size": sizes[links.get(path, path)], "digest": digest}
        for path, digest in zip(saved["Layers"], details["RootFS"]["Layers"], strict=True)
    ]
    config = {
        "mediaType": "application/vnd.oci.image.config.v1+json",
        "size": sizes[saved["Config"]],
        "digest": details["Id"],
    }
    media_type = "application/vnd.oci.image.manifest.v1+json"
    return json.dumps({"schemaVersion": 2, "mediaType": media_type, "config": config, "layers": layers})


def _read_archive(engine: DockerEngine, image_id: str) -> tuple[dict[str, int], dict[str, str], dict[str, Any]]:
    """Return from ``docker save``: sizes of the files, links between files, and the table of contents."""
    sizes: dict[str, int] = {}
    links: dict[str, str] = {}
    saved: dict[str, Any] = {}
    with tarfile.open(fileobj=cast("Any", _Stream(engine.client.get_image(image_id))), mode="r|") as tar:
        for entry in tar:
            sizes[entry.name] = entry.size
            if entry.issym():  # a layer that the archive contains already
                links[entry.name] = entry.linkname.removeprefix("../")
            if entry.name == "manifest.json":
                file = tar.extractfile(entry)
                assert file is not None
                saved = json.loads(file.read())[0]
    return sizes, links, saved


class _Stream:
    """A readable stream over chunks of bytes."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = iter(chunks)
        self._rest = b""

    def read(self, size: int) -> bytes:
        pieces = [self._rest]
        have = len(self._rest)
        while have < size and (chunk := next(self._chunks, b"")):
            pieces.append(chunk)
            have += len(chunk)
        whole = b"".join(pieces)
        self._rest = whole[size:]
        return whole[:size]
