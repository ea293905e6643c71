"""Building harness's images in Docker Engine, from the same folders and locks that the process runner uses.

Packages are fetched on the host, so that the build itself needs no network.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.runners.disk import space_of
from harness.runners.docker.context import OwnImage, archive, content_hash
from harness.runners.docker.engine import DockerEngine
from harness.runners.docker.errors import EngineRefusal, refusal_of
from harness.runners.docker.packages import packages_of
from harness.runners.uv import Progress

TITLE = "harness.image"
CONTENT = "harness.image.content"
BASE = "harness.image.base"
FETCHED = "harness.image.fetched"
"""The label with the bytes of packages that were on disk temporarily during the build."""

_MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
_PROBE = "import json,platform,sys; print(json.dumps([list(sys.version_info[:2]), platform.libc_ver()[0]]))"
_LAST_LINES = 15


@dataclass(frozen=True)
class BuiltImage:
    """Result of a build. ``rebuilt`` is False if the existing image has the same content."""

    name: str
    image_id: str
    rebuilt: bool


@dataclass(frozen=True)
class BaseImage:
    """A base image in the engine."""

    name: str
    image_id: str
    machine: str


class ImageBuilder:
    """Builds images in one engine. ``cache`` is a folder for temporary files, on the same disk as uv's cache."""

    def __init__(self, engine: DockerEngine, cache: Path, progress: Progress) -> None:
        self._engine = engine
        self._cache = cache
        self._progress = progress

    def build(self, image: OwnImage, base: str) -> BuiltImage:
        """Build the image unless the engine has it already, made from the same folder, lock and base.

        Raises ``EngineRefusal`` with the engine's reason.
        """
        base_image = self._base(base)
        content = content_hash(image, base_image.image_id)
        present = find_image(self._engine, image.name)
        if present is not None and labels_of(present).get(CONTENT) == content:
            self._progress(f"harness: {image.title}: unchanged")
            return BuiltImage(image.name, present["Id"], rebuilt=False)
        python = self._python(image, base_image)
        with packages_of(image, python, base_image.machine, self._cache, self._progress) as packages:
            labels = {TITLE: image.title, CONTENT: content, BASE: base, FETCHED: str(space_of(packages).size)}
            self._send(image, base_image, python, packages, labels)
        built = find_image(self._engine, image.name)
        if built is None:
            raise EngineRefusal(f"{image.title}: the engine built nothing under the name {image.name}")
        if present is not None:
            self._move_tags(image, present, built["Id"])
        return BuiltImage(image.name, built["Id"], rebuilt=True)

    def _base(self, name: str) -> BaseImage:
        details = find_image(self._engine, name)
        if details is None:
            self._pull(name)
            details = find_image(self._engine, name) or {}
        machine = details.get("Architecture", "")
        if machine not in _MACHINES:
            raise EngineRefusal(f"the base image {name} is for {machine or 'an unknown machine'}; known: amd64, arm64")
        return BaseImage(name, details["Id"], _MACHINES[machine])

    def _pull(self, name: str) -> None:
        self._progress(f"harness: pulling the base image {name}")
        tagged = ":" in name.rsplit("/", 1)[-1]
        try:
            for step in self._engine.client.pull(name, tag=None if tagged else "latest", stream=True, decode=True):
                if "error" in step:
                    raise EngineRefusal(step["error"])
        except Exception as error:
            why = getattr(error, "explanation", None) or error
            raise EngineRefusal(
                f"the base image {name} is not in Docker Engine and cannot be pulled ({why}): load it (docker load, "
                "docker import), or name one that is there: harness images build --base IMAGE"
            ) from error

    def _python(self, image: OwnImage, base: BaseImage) -> str:
        """Return the Python version of the base image. Raise ``EngineRefusal`` if the image does not fit."""
        try:
            version, libc = json.loads(self._run_in_base(image, base, ["python3", "-c", _PROBE]))
        except ValueError:
            raise EngineRefusal(
                f"{image.title} cannot be built on {base.name}, in which python3 does not run; use a base image with "
                f"Python {image.python} and venv: --base python:{image.python}-slim"
            ) from None
        if libc != "glibc":
            raise EngineRefusal(
                f"{image.title} cannot be built on {base.name}: its packages need glibc, which Alpine's images lack; "
                f"use --base python:{image.python}-slim"
            )
        return ".".join(map(str, version))

    def _run_in_base(self, image: OwnImage, base: BaseImage, argv: list[str]) -> str:
        """Return the output of a program in the base image; empty if it cannot be started."""
        from docker.errors import APIError

        client = self._engine.client
        container = client.create_container(
            base.image_id,
            entrypoint=argv,
            labels={TITLE: image.title},
            host_config=client.create_host_config(network_mode="none"),
        )
        try:
            client.start(container)
            client.wait(container)
            return bytes(client.logs(container, stdout=True, stderr=False)).decode(errors="replace")
        except APIError:
            return ""
        finally:
            client.remove_container(container, force=True)

    def _send(self, image: OwnImage, base: BaseImage, python: str, packages: Path, labels: Mapping[str, str]) -> None:
        self._progress(f"harness: {image.title}: building {image.name} on {base.name} (Python {python})")
        said: list[str] = []
        try:
            for line in self._engine.client.build(
                fileobj=archive(image, packages),
                custom_context=True,
                decode=True,
                tag=image.name,
                buildargs={"BASE": base.name, "PYTHON": python, "TITLE": image.title, "VERSION": image.version},
                labels=labels,
                network_mode="none",
                rm=True,
                forcerm=True,
            ):
                if "error" in line:
                    evidence = "\n".join(said[-_LAST_LINES:])
                    raise EngineRefusal(f"{image.title} could not be built: {line['error'].strip()}\n{evidence}")
                self._tell(image, str(line.get("stream", "")), said)
        except EngineRefusal:
            raise
        except Exception as error:
            raise refusal_of(error) from error

    def _tell(self, image: OwnImage, text: str, said: list[str]) -> None:
        for line in filter(None, map(str.strip, text.splitlines())):
            said.append(line)
            if line.startswith("Step "):
                self._progress(f"harness: {image.title}: {line[:100]}")

    def _move_tags(self, image: OwnImage, former: Mapping[str, Any], successor: str) -> None:
        """Move the tags of the previous image (such as AWS's URIs) to its successor, and remove the previous image."""
        from docker.errors import APIError

        client = self._engine.client
        for name in former.get("RepoTags") or ():
            if name != image.name:
                repository, _, tag = name.rpartition(":")
                client.tag(successor, repository, tag)
        with contextlib.suppress(APIError):  # a container still uses it, or it is the same image
            if former["Id"] != successor:
                client.remove_image(former["Id"])


def find_image(engine: DockerEngine, name: str) -> dict[str, Any] | None:
    from docker.errors import ImageNotFound

    try:
        details: dict[str, Any] = engine.client.inspect_image(name)
    except ImageNotFound:
        return None
    except EngineRefusal:
        raise
    except Exception as error:
        raise refusal_of(error) from error
    return details


def labels_of(details: Mapping[str, Any]) -> Mapping[str, str]:
    return (details.get("Config") or {}).get("Labels") or {}
