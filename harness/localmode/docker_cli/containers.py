"""Conversion of a service of a compose file to the run of the program that replaces its image."""

from __future__ import annotations

import os
from pathlib import Path

from harness.contract.catalog import HARNESS_ENVIRONMENT, Image, UnknownImage, resolve_image
from harness.contract.container_environment import ContainerEnvironment, platform_environment
from harness.contract.containers import Command
from harness.localmode.docker_cli.compose_file import Service
from harness.localmode.docker_cli.config import DockerCliConfig
from harness.localmode.docker_cli.errors import ImageRefused, UnsupportedCommand
from harness.runners.spec import RunSpec

STOP_GRACE = 10.0
"""Seconds between SIGTERM and SIGKILL, as in compose."""
INSTANCE_TYPE = "local"


def run_spec(service: Service, config: DockerCliConfig, root: Path, peers: tuple[str, ...] = ()) -> RunSpec:
    """Describe the run of a container. ``root`` is an empty folder for what it writes below ``/opt/ml``.

    ``peers`` are the hostnames of all services, if there are several.
    """
    _check_shared_memory(service)
    where = ContainerEnvironment(config.account, config.region, config.address, root)
    spec = RunSpec(
        name=service.label,
        argv=(),
        environment=HARNESS_ENVIRONMENT,
        root=root,
        mounts={path: _ensure_folder(folder) for path, folder in service.volumes.items()},
        env={**platform_environment(where), **service.environment},
        hostname=service.hostname,
        group=str(root.parent) if peers else "",
        peers=peers,
        grace=STOP_GRACE,
        serves=bool(service.ports) or service.command[:1] == ("serve",),
    )
    image = _image(service.image)
    return image.command_spec(spec, _command(service, image))


def stand_in(service: Service) -> str:
    """Return the notice to print if the program is of another release than the AWS image; else an empty text."""
    return _image(service.image).stand_in


def _image(uri: str) -> Image:
    try:
        return resolve_image(uri)
    except UnknownImage as error:
        raise ImageRefused(str(error)) from error


def _command(service: Service, image: Image) -> Command:
    """Return the command of a service. As in Docker, its entrypoint replaces the image's ENTRYPOINT and CMD."""
    if service.entrypoint:
        return Command("", INSTANCE_TYPE, service.entrypoint, service.command)
    word, arguments = (service.command[0], service.command[1:]) if service.command else ("", ())
    if not image.has_program(word):
        what = f"no program {word!r}" if word else "no entrypoint of its own"
        raise ImageRefused(f"{image.display_name}, which is used for {service.image}, has {what} here")
    return Command(word, INSTANCE_TYPE, arguments=arguments)


def _ensure_folder(folder: Path) -> Path:
    """Create a folder of the host that does not exist, as Docker does."""
    if not folder.exists():
        folder.mkdir(parents=True)
    return folder


def _check_shared_memory(service: Service) -> None:
    available = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    if service.shm_bytes > available:
        raise UnsupportedCommand(
            f"shm_size of {service.shm_bytes} bytes is more than half of this machine's memory ({available})"
        )
